"""Real reports of each tool, row by row. tests/fixtures/junit/README.md describes how each file was made."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from junitparser import xunit2

from reporter.junit.case import Case, Status
from reporter.junit.parser import JUnitParser
from reporter.reports.folder import Reports

FIXTURES = Path(__file__).parents[3] / "fixtures" / "junit"
FILES = sorted(str(path.relative_to(FIXTURES)) for path in FIXTURES.glob("*/*.xml"))
PLAYWRIGHTS = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"  # its separator between the titles of a case
LETTERS = {Status.PASSED: ".", Status.FAILED: "F", Status.ERRORED: "E", Status.SKIPPED: "s"}


def read(name: str, artifacts: Path) -> dict[str, Case]:
    """Return the cases of one fixture by name, as the final reading returns them."""
    (artifacts / "junit").mkdir()
    shutil.copy(FIXTURES / name, artifacts / "junit" / "junit.xml")
    reports = Reports(artifacts)
    cases = [case for batch in reports.final() for case in batch]
    assert reports.summary.broken == ()
    assert reports.summary.cases == len(cases)
    return {case.name: case for case in cases}


@pytest.mark.parametrize("name", FILES)
def test_every_case_of_a_report_becomes_its_row(name: str, tmp_path: Path) -> None:
    """Name, status and tries of each case in order. The expected rows were written by hand from the test source."""
    rows = [
        f"{''.join(LETTERS[one.status] for one in case.tries) or LETTERS[case.status]:<4}{case.name}\n"
        for case in read(name, tmp_path).values()
    ]
    assert "".join(rows) == (FIXTURES / name).with_suffix(".rows").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_a_case_that_passed_after_it_had_failed_is_flaky(name: str, tmp_path: Path) -> None:
    """A case with several tries is flaky if the last one passed. Its status is that of the last try."""
    for case in read(name, tmp_path).values():
        assert len(case.tries) != 1
        assert case.flaky is (len(case.tries) > 1 and case.status is Status.PASSED)
        assert not case.tries or case.tries[-1].status is case.status


@pytest.mark.parametrize("name", FILES)
def test_the_figures_of_a_real_report_raise_no_doubt(name: str, tmp_path: Path) -> None:
    """Only Newman reports a script that threw as an error without a case."""
    (tmp_path / "junit").mkdir()
    shutil.copy(FIXTURES / name, tmp_path / "junit" / "junit.xml")
    reports = Reports(tmp_path)
    assert list(reports.final())
    expected = {"newman/iterations.xml": (("junit/junit.xml", '<testsuite name="Script throws"> has errors="2"'),)}
    assert reports.summary.doubts == expected.get(name, ())


@pytest.mark.parametrize("name", FILES)
def test_the_count_is_that_of_junitparser(name: str) -> None:
    """junitparser finds the same number of cases and of failed cases."""
    parser = JUnitParser()
    mine = [*parser.feed((FIXTURES / name).read_bytes()), *parser.close()]
    theirs = [case for suite in xunit2.JUnitXml.fromfile(str(FIXTURES / name)) for case in suite]
    assert len(mine) == len(theirs)
    bad = sum(1 for case in theirs if case.is_failure or case.is_error)
    assert sum(1 for one in mine if one.case.status in {Status.FAILED, Status.ERRORED}) == bad


def test_a_failure_of_pytest_has_message_type_text_and_file(tmp_path: Path) -> None:
    """The family xunit1 of pytest's reports contains all of them."""
    case = read("pytest/xunit1.xml", tmp_path)["tests.test_cart.test_loses"]
    assert case.error_type == "AssertionError"
    assert case.file == "tests/test_cart.py"
    assert case.error
    assert case.error.startswith("AssertionError: an item got lost <&> #x07 ünïcödé\nassert 2 == 3\ndef test_loses():")
    assert case.started_at == datetime(2026, 11, 20, 22, 52, 38, 239033, UTC)


def test_a_failed_test_keeps_its_failure_when_its_teardown_breaks_too(tmp_path: Path) -> None:
    """pytest writes two elements. The row has the status of the assertion and both texts."""
    case = read("pytest/xunit2.xml", tmp_path)["tests.test_cart.test_fails_and_teardown_breaks"]
    assert case.status is Status.FAILED
    assert case.error
    assert "assert 1 == 2" in case.error
    assert 'failed on teardown with "RuntimeError: could not clean up"' in case.error


def test_a_setup_that_breaks_is_an_error_of_its_exceptions_type(tmp_path: Path) -> None:
    """pytest writes the exception's type only into the message."""
    assert read("pytest/xunit2.xml", tmp_path)["tests.test_cart.test_setup_breaks"].error_type == "RuntimeError"


def test_tries_of_surefire_have_their_own_texts(tmp_path: Path) -> None:
    """A flaky case has no error. Its failed try has one."""
    case = read("surefire/reruns.xml", tmp_path)["shop.CartTest.failsOnce"]
    assert (case.error, case.error_type, case.fingerprint) == (None, None, None)
    assert case.tries[0].error
    assert case.tries[0].error.startswith("org.opentest4j.AssertionFailedError: first try ==> expected: <1>")
    assert case.tries[1].error is None


def test_tries_of_playwright_have_their_own_times(tmp_path: Path) -> None:
    case = read("playwright/retries.xml", tmp_path)[f"cart.spec.js > [chromium] checkout {PLAYWRIGHTS} loses an item"]
    assert [one.duration_ms for one in case.tries] == [12.0, 5.0, 5.0]
    assert case.duration_ms == 5.0


def test_a_failure_of_ctest_has_its_output_as_text(tmp_path: Path) -> None:
    """CTest writes an empty failure."""
    assert read("ctest/ctest.xml", tmp_path)["loses"].error == "expected 3, got 2"


def test_soft_assertions_are_joined_and_equal_texts_count_once(tmp_path: Path) -> None:
    """Vitest repeats the failure for each retry. Each subtest of pytest has a failure of its own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    vitest = read("vitest/retries.xml", tmp_path / "a")["src/cart.test.js > cart > breaks"]
    assert vitest.error == "TypeError: no session"
    subtests = read("pytest/subtests.xml", tmp_path / "b")["test_subtests.test_some_fail"]
    assert subtests.error
    assert "assert (1 % 2) == 0" in subtests.error
    assert "assert (3 % 2) == 0" in subtests.error


def test_failures_of_go_differ_by_their_output(tmp_path: Path) -> None:
    """The message is always "Failed" and would give all of them one fingerprint."""
    cases = read("gotestsum/all.xml", tmp_path)
    bad = [cases[f"example.com/shop/cart.{name}"].fingerprint for name in ("TestLoses", "TestFlaky")]
    assert None not in bad
    assert bad[0] != bad[1]


def test_a_time_without_a_zone_is_ignored(tmp_path: Path) -> None:
    """Jest writes no zone. 1970 is a default of jest-junit."""
    assert {case.started_at for case in read("jest/options.xml", tmp_path).values()} == {None}


def test_attachments_are_relative_to_the_artifacts_folder(tmp_path: Path) -> None:
    """Playwright names them relative to its report. Attachments of every try belong to the case."""
    (tmp_path / "junit").mkdir()
    shutil.copy(FIXTURES / "playwright/retries.xml", tmp_path / "junit" / "junit.xml")
    reports = Reports(tmp_path)
    assert len([case for batch in reports.final() for case in batch]) == 14
    name = f"cart.spec.js > [chromium] checkout {PLAYWRIGHTS} loses an item"
    assert [path for path, of in reports.summary.attachments.items() if of == name] == [
        "test-results/cart-checkout-loses-an-item-chromium/error-context.md",
        "test-results/cart-checkout-loses-an-item-chromium-retry1/error-context.md",
        "test-results/cart-checkout-loses-an-item-chromium-retry2/error-context.md",
    ]
