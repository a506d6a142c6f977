"""Error texts: their stored part, their type and their fingerprint."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit.failure import MAX_ERROR_BYTES, Failure, cut


def fingerprint(message: str, text: str = "", *, type_: str = "", names: tuple[str, ...] = ()) -> str | None:
    return Failure.of(type_, message, text, names=names).fingerprint


def test_message_and_text_are_joined() -> None:
    """A text that contains the message is not repeated."""
    assert Failure.of("", "no session", "at line 7").text == "no session\nat line 7"
    assert Failure.of("", "no session", "Error: no session\nat line 7").text == "Error: no session\nat line 7"
    assert Failure.of("", "", "").text is None


def test_a_text_of_16_kib_is_not_cut() -> None:
    assert cut("x" * MAX_ERROR_BYTES) == "x" * MAX_ERROR_BYTES


def test_a_cut_text_counts_the_bytes_left_out() -> None:
    """Every byte is either kept or counted, including those that the caller dropped."""
    short = cut("x" * 20_000, left_out=5)
    head, marker = short.split("\n")
    assert marker == f"[… {20_005 - len(head)} bytes left out]"
    assert MAX_ERROR_BYTES - 5 <= len(short.encode()) <= MAX_ERROR_BYTES


@given(st.text(alphabet="aé€😀", min_size=1, max_size=20), st.integers(800, 9000), st.integers(0, 10**12))
def test_a_cut_text_never_exceeds_its_bytes(piece: str, times: int, left_out: int) -> None:
    """A cut within a character removes the whole character, and the marker counts it."""
    text = piece * times
    short = cut(text, left_out=left_out)
    assert len(short.encode()) <= MAX_ERROR_BYTES
    if found := re.search(r"\n\[… (\d+) bytes left out\]$", short):
        assert int(found[1]) == len(text.encode()) + left_out - len(short[: found.start()].encode())
    else:
        assert short == text


@pytest.mark.parametrize(
    ("type_", "message", "text", "kind"),
    [
        ("java.lang.IllegalStateException", "x", "", "java.lang.IllegalStateException"),
        ("", "AssertionError: assert 1 == 2", "", "AssertionError"),
        ("", 'failed on setup with "db.errors.ConnectionError: gone"', "", "db.errors.ConnectionError"),
        ("failed", "", "TypeError: no session\n  at x", "TypeError"),
        ("FAILURE", "nothing to see", "", None),
        ("Error", "x", "", "Error"),
        ("", "SomeErrors are fine", "", None),
    ],
)
def test_the_type_is_the_reports_or_the_exceptions(type_: str, message: str, text: str, kind: str | None) -> None:
    """A word such as "failed" is no type. The type then comes from the beginning of the message, if it has one."""
    assert Failure.of(type_, message, text).type == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected 3 items, got 2", "expected 17 items, got -4.5"),
        ("object at 0x7fd91ebaaa10", "object at 0x7fd91ebab250"),
        ("Cart@1b2c3d4e is gone", "Cart@5f6a7b8c is gone"),
        ("no order 123e4567-e89b-12d3-a456-426614174000", "no order 00000000-0000-0000-0000-00000000000a"),
        ("at /home/ci/a/cart.py:17: lost", "at /builds/7/cart.py:23: lost"),
        ("at C:\\a\\cart.cs:17", "at D:\\b\\c\\cart.cs:3"),
        ("cart.py:17: lost", "basket.py:3: lost"),
        ("late since 2026-11-20T22:52:38.2Z", "late since 2027-01-01 00:00:00"),
        ("Timeout 5000ms exceeded", "Timeout 30 s exceeded"),
        ("commit 9f2c1ab77 is unknown", "commit 0a1b2c3d4e5f is unknown"),
        ("a  b\nc", "a b c"),
    ],
)
def test_failures_of_one_kind_share_a_fingerprint(one: str, other: str) -> None:
    """Values that differ between runs and machines are left out."""
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("no session", ""), ("no database", "")),
        (("", "no session"), ("", "no database")),
        (("Failed", "cart_test.go:7: no session"), ("Failed", "cart_test.go:7: no database")),
    ],
)
def test_failures_of_different_kinds_differ(one: tuple[str, str], other: tuple[str, str]) -> None:
    """If the message is empty or only repeats the status, the text decides."""
    assert fingerprint(*one) != fingerprint(*other)
    assert fingerprint(*one, type_="A") != fingerprint(*one, type_="B")


def test_the_stack_below_a_message_does_not_matter() -> None:
    assert fingerprint("no session", "at a()\nat b()") == fingerprint("no session", "at c()")


def test_the_name_of_the_case_does_not_matter() -> None:
    """PHPUnit and Go write the name into the text."""
    one = fingerprint("", "Shop\\CartTest::testA\nno session", names=("testA",))
    assert one == fingerprint("", "Shop\\CartTest::testB\nno session", names=("testB",))


def test_a_failure_without_text_has_no_fingerprint() -> None:
    """Otherwise all failures without text would share one."""
    assert fingerprint("") is None


@given(st.text(alphabet="0aF:/\\.-_ @%~", max_size=3000))
def test_any_message_has_a_fingerprint_within_the_time_limit(message: str) -> None:
    """No input causes catastrophic backtracking: the test's time limit would end it."""
    assert message.strip() == "" or re.fullmatch(r"[0-9a-f]{16}", fingerprint(message) or "")
