"""Doubts, percentiles and times of a report."""

import pytest

from reporter.junit.parser import JUnitParser
from tests.support.junit import cases, only


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ('<testsuite name="s" errors="1"/>', '<testsuite name="s"> has errors="1"'),
        ('<testsuite failures="2"><testcase/></testsuite>', '<testsuite name=""> has failures="2"'),
        ('<testsuite errors="1" failures="2"><testcase/></testsuite>',
         '<testsuite name=""> has errors="1" failures="2"'),
        ('<testsuite name="s"><error message="no\n server"/><testcase/></testsuite>',
         '<testsuite name="s"> has an <error> of its own: no server'),
        ('<testsuite name="s"><testcase><failure/></testcase><failure/></testsuite>',
         '<testsuite name="s"> has a <failure> of its own'),
        ('<testsuite name="s" errors="1"><testsuite name="t"/><testcase/></testsuite>',
         '<testsuite name="s"> has errors="1"'),
        ('<foo><testsuite name="s" errors="1"/></foo><testcase><failure/></testcase>',
         '<testsuite name="s"> has errors="1"'),
        ('<testsuite errors="1"><testsuite><testcase><failure/></testcase></testsuite></testsuite>', None),
        ('<testsuite failures="1"><testcase><flakyError/></testcase></testsuite>', None),
        ('<testsuite failures="0" errors="" skipped="1"><testcase/></testsuite>', None),
        ('<testsuite failures="none" errors="-1"><testcase/></testsuite>', None),
        ("<testsuite><foo><error/></foo><testcase/></testsuite>", None),
        ("<testsuite><testcase/><system-out><failure/></system-out></testsuite>", None),
    ],
)  # fmt: skip
def test_a_failure_that_no_case_shows_is_a_doubt(text: str, doubt: str | None) -> None:
    """A suite may fail outside of its cases. If one of its cases failed in any try, its figures are explained."""
    parser = JUnitParser()
    list(parser.feed(f"<testsuites>{text}</testsuites>".encode()))
    assert parser.doubt == doubt


def test_figures_of_the_root_count_too() -> None:
    """The exception is gotestsum, which counts lines of standard error there."""
    for inside, doubt in (("", '<testsuites name=""> has errors="1"'), ('<property name="go.version"/>', None)):
        parser = JUnitParser()
        list(parser.feed(f'<testsuites errors="1"><testsuite>{inside}<testcase/></testsuite></testsuites>'.encode()))
        assert parser.doubt == doubt


@pytest.mark.parametrize(
    ("text", "p95"),
    [
        ('<properties><property name="p95_ms" value="12.5"/></properties>', 12.5),
        ('<testsuite><properties><property name="p95_ms" value="1,234.5"/></properties></testsuite>', 1234.5),
        ('<properties><property name="p95_ms" value="3"/><property name="p95_ms" value="2"/></properties>', 3.0),
        ('<properties><property name="p95_ms" value="NaN"/><property name="other" value="2"/></properties>', None),
        ('<properties><property name="p95_ms" value="1.7e308"/></properties>', None),
        ('<testcase><properties><property name="p95_ms" value="2"/></properties></testcase>', None),
    ],
)
def test_the_p95_of_a_load_test_is_read(text: str, p95: float | None) -> None:
    """It is a property of a suite. Properties of cases are ignored."""
    parser = JUnitParser()
    list(parser.feed(f"<testsuites>{text}</testsuites>".encode()))
    assert parser.p95_ms == p95


def test_times_come_from_the_case_itself_or_its_suite() -> None:
    """Only a case with a start of its own has an end. Other cases get the start of their suite."""
    own, other = cases(
        '<testsuite timestamp="2026-01-01T00:00:00Z" file="a.py"><testsuite>'
        '<testcase name="a" timestamp="2026-01-01T00:00:05Z" time="1.5" file="b.py"/><testcase name="b" time="1"/>'
        "</testsuite></testsuite>"
    )
    assert own.started_at
    assert own.finished_at
    assert (own.started_at.second, (own.finished_at - own.started_at).total_seconds(), own.file) == (5, 1.5, "b.py")
    assert other.started_at
    assert (other.started_at.second, other.finished_at, other.file) == (0, None, "a.py")


def test_a_duration_beyond_the_calendar_gives_no_end() -> None:
    case = only('<testcase name="a" timestamp="2026-01-01T00:00:05Z" time="1e300"/>')
    assert case.finished_at is None
