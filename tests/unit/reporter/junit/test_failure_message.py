"""Message and location of a failure, from real reports and from typical texts of each tool."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit.failure import Failure
from reporter.junit.failure_message import MAX_MESSAGE_BYTES
from reporter.junit.location import Origin
from reporter.reports.folder import Reports

FIXTURES = Path(__file__).parents[3] / "fixtures" / "junit"
TITLES = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"

PYTEST_TRACE = """self = <urllib.request.HTTPHandler object at 0x7f1c>
http_class = <class 'http.client.HTTPConnection'>

    def do_open(self, http_class, req, **http_conn_args):
>           raise URLError(err)
E           urllib.error.URLError: <urlopen error [Errno 111] Connection refused>

/usr/lib/python3.11/urllib/request.py:1351: URLError

test_shop.py:18: in get
    with urllib.request.urlopen(SHOP + path, timeout=10) as answer:
"""

JEST_DIFF = """Error: expect(received).toEqual(expected) // deep equality
- Expected  - 1
+ Received  + 1
  Array [
    1,
-   3,
+   2,
  ]"""


@pytest.mark.parametrize(
    ("report", "name", "message", "location"),
    [
        (
            "pytest/xunit1.xml",
            "tests.test_cart.test_loses",
            "AssertionError: an item got lost <&> #x07 ünïcödé\nassert 2 == 3",
            "tests/test_cart.py:24",
        ),
        (
            "pytest/xunit2.xml",
            "tests.test_cart.test_setup_breaks",
            'failed on setup with "RuntimeError: no database"',
            "tests/test_cart.py:9",
        ),
        (
            "pytest/collection-error.xml",
            "test_broken_import",
            "ModuleNotFoundError: No module named 'nope'",
            "test_broken_import.py:1",
        ),
        (
            "playwright/defaults.xml",
            f"cart.spec.js > checkout {TITLES} loses an item",
            "items in the cart\nExpected: 3\nReceived: 2\n> 10 |     expect(2, 'items in the cart').toBe(3);",
            "cart.spec.js:10",
        ),
        (
            "jest/options.xml",
            "cart checkout > loses an item",
            JEST_DIFF,
            "src/cart.test.js:10",
        ),
        ("gotestsum/all.xml", "example.com/shop/cart.TestLoses", "got 2 items, want 3", "cart_test.go:11"),
        ("ctest/ctest.xml", "loses", "expected 3, got 2", None),
        (
            "surefire/plain.xml",
            "shop.CartTest.losesAnItem",
            "items in the cart ==> expected: <3> but was: <2>",
            "CartTest.java:24",
        ),
        (
            "phpunit/phpunit.xml",
            "Shop.CartTest.testLoses",
            "an item got lost\nFailed asserting that 2 is identical to 3.",
            "/home/ci/shop/tests/CartTest.php:16",
        ),
        ("newman/iterations.xml", "CartAddAnItem > holds one item", "expected 2 to equal 1", None),
        ("vitest/retries.xml", "src/cart.test.js > cart > breaks", "no session", None),
    ],
)
def test_a_failure_has_message_and_location(
    report: str, name: str, message: str, location: str | None, tmp_path: Path
) -> None:
    """The message has the expected and the received value. The location is a line of the test's own file."""
    (tmp_path / "junit").mkdir()
    shutil.copy(FIXTURES / report, tmp_path / "junit" / "junit.xml")
    (case,) = (case for batch in Reports(tmp_path).final() for case in batch if case.name == name)
    assert (case.message, case.location) == (message, location)


def test_a_traceback_does_not_hide_the_reports_message() -> None:
    failure = Failure.of("", "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>", PYTEST_TRACE)
    assert failure.message == "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"


def test_a_text_without_a_message_gives_the_line_that_pytest_marks() -> None:
    """The message is only "failed", and the exception is within the traceback."""
    failure = Failure.of("", "failed", PYTEST_TRACE)
    assert failure.message == "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"


def test_a_line_of_the_tests_own_file_is_preferred_to_a_librarys() -> None:
    """The innermost call is often in a library."""
    origin = Origin("test_shop", None, None)
    assert Failure.of("", "URLError", PYTEST_TRACE, origin=origin).location == "test_shop.py:18"


@pytest.mark.parametrize(
    ("text", "origin", "location"),
    [
        ("  at /ci/e2e/page.ts:3:1\n  at /ci/e2e/a.spec.ts:12:3", Origin("a.spec.ts", "a.spec.ts"), "a.spec.ts:12"),
        ("  at Foo (/ci/node_modules/x/index.js:1:2)", Origin("a.spec.ts", "a.spec.ts", "7"), "a.spec.ts:7"),
        ("  at Foo (/ci/node_modules/x/index.js:1:2)", Origin(), None),
        ('Traceback\n  File "/ci/t/test_a.py", line 9, in test_b\n', Origin("t.test_a"), "test_a.py:9"),
        ("no place at all, but example.com:80", Origin("a", "a.feature", "3"), "a.feature:3"),
        ("C:\\ci\\t\\CartTests.cs:31", Origin("Shop.CartTests"), "CartTests.cs:31"),
        ("", Origin("a", "a.py", "x"), None),
    ],
)
def test_the_location_comes_from_the_stack_or_the_report(text: str, origin: Origin, location: str | None) -> None:
    """A line of the stack is preferred to the line where the test begins. A library's line is ignored."""
    assert Failure.of("", "boom", text, origin=origin).location == location


@pytest.mark.parametrize("escape", ["\x1b", "\ufffd", "#x1B"])
def test_colours_are_in_neither_message_nor_text(escape: str) -> None:
    """Report writers replace the escape character, which XML forbids, and keep the rest of the sequence."""
    red = f"{escape}[31mExpected: 1{escape}[39m"
    failure = Failure.of("", f"{red}\n{escape}[1mReceived: 2{escape}[22m", f"{red}\n  at a.js:1")
    assert failure.message == "Expected: 1\nReceived: 2"
    assert failure.text == "Expected: 1\nReceived: 2\nExpected: 1\n  at a.js:1"


def test_one_cause_has_one_fingerprint_in_different_tests() -> None:
    """Stack and source line are left out."""
    one = Failure.of("", "URLError: refused\n> 3 |   get('/')", "self = <a>\ntest_a.py:3")
    other = Failure.of("", "URLError: refused\n> 41 |   get('/cart')", "self = <b>\ntest_b.py:41")
    assert one.fingerprint == other.fingerprint


@given(st.text(alphabet="Ee> \n1|:/\\.pyats(\"'\x1b[m", max_size=4000), st.sampled_from(["", "failed", "boom"]))
def test_any_text_has_a_bounded_message_within_the_time_limit(text: str, message: str) -> None:
    """No input causes catastrophic backtracking: the test's time limit would end it."""
    failure = Failure.of("", message, text * 4, origin=Origin("a.py", "a.py", "1"))
    assert len((failure.message or "").encode()) <= MAX_MESSAGE_BYTES
    assert "\x1b" not in (failure.text or "")


@pytest.mark.parametrize(
    "piece", ["x" * 99, " ", "a/", "x.py:1 ", "E   x\n", "expect(", ".go:", "> 1 |", "\x1b]", "1:"]
)
def test_the_time_grows_linearly_with_the_text(piece: str) -> None:
    """A megabyte of each piece is read within the test's time limit."""
    Failure.of("", "", piece * (1_000_000 // len(piece)))
    Failure.of("", piece * (1_000_000 // len(piece)), "x")


def test_a_comparison_of_pytest_follows_its_first_line() -> None:
    """The first line shortens both values. The lines after it show the difference."""
    first = "AssertionError: assert {'name': '...': 79.0} == {'name': '...': 71.1}"
    differing = "E     \nE     Differing items:\nE     {'price': 79.0} != {'price': 71.1}\n"
    failure = Failure.of("", first, f">   assert a == b\nE   {first}\n{differing}\ntest_shop.py:7: AssertionError")
    assert failure.message == f"{first}\n  Differing items:\n  {{'price': 79.0}} != {{'price': 71.1}}"
    assert failure.fingerprint == Failure.of("", first, "").fingerprint


def test_a_flaky_case_is_located_where_its_first_try_failed(tmp_path: Path) -> None:
    """Its last try passed and names no line."""
    stack = "<stackTrace>Error: no\n    at shop.spec.js:7:3</stackTrace>"
    (tmp_path / "junit").mkdir()
    (tmp_path / "junit" / "a.xml").write_text(
        f'<testsuite><testcase name="t" file="shop.spec.js"><flakyFailure>{stack}</flakyFailure></testcase></testsuite>'
    )
    [[case]] = Reports(tmp_path).final()
    assert (case.flaky, case.location) == (True, "shop.spec.js:7")
