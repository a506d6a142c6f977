"""pytest: its tests as cases, for any number of shards."""

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from reporter.results import coverage

INI = "[pytest]\naddopts = -p no:randomly\nasyncio_default_fixture_loop_scope = function\n"
WAIT = 60.0
"""Seconds until a condition must hold."""


def test_every_ending_of_a_test_is_reported(bench: Callable[..., Any]) -> None:
    """Passed, failed, flaky, skipped, expected to fail, broken fixtures: one case each, its tries inside."""
    tests = r"""
import pytest
tries = []
@pytest.fixture
def broken(): raise OSError("no browser")
@pytest.fixture
def untidy():
    yield
    raise OSError("can't clean up")
def test_passes(): pass
class TestCart:
    @pytest.mark.parametrize("what", ["a::b/c[d]"])
    def test_fails(self, what): assert "red\x07 ]]>" == "<blue>"
def test_is_flaky():
    tries.append(1)
    assert len(tries) == 2
def test_has_broken_fixture(broken): pass
def test_has_untidy_fixture(untidy): pass
@pytest.mark.skip(reason="not yet")
def test_is_skipped(): pass
@pytest.mark.xfail(reason="known bug")
def test_fails_as_expected(): assert 0
@pytest.mark.xfail(strict=True)
def test_should_fail(): pass
"""
    ended = bench("pytest", {"pytest.ini": INI, "test_a.py": tests}, args=("--reruns=1",)).run()
    assert ended.exit_code == 1
    assert ended.cases == [
        ("test_passes", ()),
        ("test_fails[a::b/c[d]]", ("failure", "rerunFailure")),
        ("test_is_flaky", ("flakyFailure",)),
        ("test_has_broken_fixture", ("error", "rerunError")),
        ("test_has_untidy_fixture", ("error", "rerunError")),
        ("test_is_skipped", ("skipped",)),
        ("test_fails_as_expected", ("skipped",)),
        ("test_should_fail", ("failure", "rerunFailure")),
    ]
    assert 'classname="test_a.TestCart"' in (failed := ended.text("test_fails[a::b/c[d]]"))
    assert 'file="test_a.py"' in failed
    assert 'message="not yet"' in ended.text("test_is_skipped")
    assert "known bug" in ended.text("test_fails_as_expected")


@pytest.mark.parametrize(("total", "args"), [(1, ()), (3, ()), (3, ("-n1",))])
def test_every_test_is_in_exactly_one_shard(bench: Callable[..., Any], total: int, args: tuple[str, ...]) -> None:
    """More shards than tests leave some with an empty report, which is no failure; parallel workers agree."""
    tests = "import pytest\n@pytest.mark.parametrize('n', range(2))\ndef test_number(n): pass"
    suite = bench("pytest", {"pytest.ini": INI, "test_a.py": tests}, args=args)
    shards = [suite.run(f"{index}/{total}") for index in range(1, total + 1)]
    assert [shard.exit_code for shard in shards] == [0] * total, [shard.output for shard in shards]
    assert sorted(case for shard in shards for case in shard.cases) == [(f"test_number[{n}]", ()) for n in range(2)]
    assert total == 1 or any(not shard.cases for shard in shards)
    records = dict(enumerate((shard.collection for shard in shards), start=1))
    assert [one is not None for one in records.values()] == [total > 1] * total
    assert coverage.doubt(total, records) is None


def test_deselected_tests_do_not_count_as_collected(bench: Callable[..., Any]) -> None:
    """No shard runs a test that -k or a late hook of the suite deselects."""
    tests = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_number(n): pass\ndef test_other(): pass"
    hook = """
import pytest
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items[:2])
    del items[:2]
"""
    files = {"pytest.ini": INI, "test_a.py": tests, "conftest.py": hook}
    suite = bench("pytest", files, args=("-k", "number"))
    shards = {index: suite.run(f"{index}/2") for index in (1, 2)}
    records = {index: shard.collection for index, shard in shards.items()}
    assert {one.collected.count for one in records.values()} == {7}
    assert coverage.doubt(2, records) is None
    assert sum(len(shard.cases) for shard in shards.values()) == 7


@pytest.mark.parametrize("shard", ["1/1", "1/2"])
def test_a_suite_without_tests_is_not_green(bench: Callable[..., Any], shard: str) -> None:
    """Each shard reports a suite without tests."""
    assert bench("pytest", {"pytest.ini": INI, "test_a.py": ""}).run(shard).exit_code == 5


def test_a_file_that_cannot_be_read_is_an_errored_case(bench: Callable[..., Any]) -> None:
    """A syntax error is no empty shard. One shard reports a module that skips itself."""
    files = {"test_a.py": "def test_x(:", "test_b.py": "import pytest\npytest.skip('no', allow_module_level=True)"}
    suite = bench("pytest", {"pytest.ini": INI, **files})
    shards = [suite.run("1/2"), suite.run("2/2")]
    assert all(shard.exit_code == 2 for shard in shards)
    assert all(("collection", ("error",)) in shard.cases for shard in shards)
    assert sum(shard.cases.count(("collection", ("skipped",))) for shard in shards) == 1


def test_sigterm_ends_cleanly_with_the_finished_tests(bench: Callable[..., Any]) -> None:
    """Fixtures are torn down and the report is complete. The interrupted test has no case."""
    tests = """
import pathlib, time, pytest
@pytest.fixture
def tidy():
    yield
    pathlib.Path("tidied").touch()
def test_first(): pass
def test_second(tidy):
    pathlib.Path("waiting").touch()
    time.sleep(600)
"""
    suite = bench("pytest", {"pytest.ini": INI, "test_a.py": tests})
    process, folders = suite.start()
    try:
        assert until((suite.suite.path / "waiting").exists)
        assert 'name="test_first"' in folders.junit_file.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 2
    finally:
        process.kill()
        process.wait()
    assert (suite.suite.path / "tidied").exists()
    text = folders.junit_file.read_text()
    assert text.rstrip().endswith("</testsuites>")
    assert "test_second" not in text


def test_a_crash_leaves_the_finished_tests(bench: Callable[..., Any]) -> None:
    """The report lacks its end and is therefore not green."""
    tests = "import os\ndef test_first(): pass\ndef test_crash(): os._exit(7)"
    suite = bench("pytest", {"pytest.ini": INI, "test_a.py": tests})
    ended = suite.run()
    assert ended.exit_code == 7
    assert 'name="test_first"' in (text := ended.junit_file.read_text())
    assert "</testsuites>" not in text


def test_a_parallel_worker_that_crashes_is_an_errored_case(bench: Callable[..., Any]) -> None:
    """pytest-xdist continues with another worker, and the test that crashed the first is reported."""
    tests = "import os\ndef test_first(): pass\ndef test_crash(): os._exit(7)"
    ended = bench("pytest", {"pytest.ini": INI, "test_a.py": tests}, args=("-n1",)).run()
    assert ended.exit_code == 1
    assert sorted(ended.cases) == [("test_crash", ("error",)), ("test_first", ())]


def test_subtests_are_part_of_their_test(bench: Callable[..., Any]) -> None:
    """One case per test, red when one of its subtests is."""
    tests = """
import unittest
class T(unittest.TestCase):
    def test_many(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
"""
    ended = bench("pytest", {"pytest.ini": INI, "test_a.py": tests}).run()
    assert ended.exit_code == 1
    assert ended.cases == [("test_many", ("failure",))]


def test_a_module_of_the_suite_keeps_its_name(bench: Callable[..., Any]) -> None:
    """Our plugin adds no module that hides one of the suite."""
    files = {"junit.py": "MINE = True", "handoff.py": "MINE = True"}
    tests = "import handoff, junit\ndef test_mine(): assert junit.MINE and handoff.MINE"
    ended = bench("pytest", {"pytest.ini": INI, **files, "test_a.py": tests}).run()
    assert ended.cases == [("test_mine", ())], ended.output


def until(condition: Callable[[], bool]) -> bool:
    """Return whether the condition held before its deadline."""
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("args", [(), ("-n", "1")])
def test_a_failure_without_an_exception_has_the_failing_line_as_message(
    bench: Callable[..., Any], args: tuple[str, ...]
) -> None:
    """A doctest, an unknown fixture and a strict xfail have only a text. pytest-xdist adds a heading to it."""
    tests = '''
import pytest
def double(number):
    """
    >>> double(2)
    5
    """
    return 2 * number
def broken():
    """
    >>> 1 / 0
    """
def test_needs_a_fixture(missing): pass
@pytest.mark.xfail(strict=True, reason="bug 7")
def test_is_mended(): pass
'''
    ended = bench("pytest", {"pytest.ini": INI, "test_a.py": tests}, args=("--doctest-modules", *args)).run()
    assert 'message="expected 5, got 4"' in ended.text("test_a.double")
    assert "message=\"UNEXPECTED EXCEPTION: ZeroDivisionError('division by zero')\"" in ended.text("test_a.broken")
    assert "message=\"fixture 'missing' not found\"" in ended.text("test_needs_a_fixture")
    assert 'message="[XPASS(strict)] bug 7"' in ended.text("test_is_mended")
