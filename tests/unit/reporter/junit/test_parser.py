"""The incremental parser: any dialect, any split, any damage."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.errors import BrokenReport
from reporter.junit.case import Status
from reporter.junit.parser import MAX_DEPTH, JUnitParser
from tests.support.junit import cases, only, read

FIXTURES = sorted((Path(__file__).parents[3] / "fixtures" / "junit").glob("*/*.xml"))

REPORTS = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in FIXTURES}

WHOLE = {name: read(data) for name, data in REPORTS.items()}


@given(st.sampled_from(sorted(REPORTS)), st.lists(st.floats(0, 1), max_size=8))
def test_any_split_gives_the_same_rows(name: str, cuts: list[float]) -> None:
    """A piece may end within a tag, a reference or a character."""
    data = REPORTS[name]
    places = sorted({0, len(data), *(int(cut * len(data)) for cut in cuts)})
    assert read(*(data[a:b] for a, b in pairwise(places))) == WHOLE[name]


@pytest.mark.parametrize("name", ["phpunit/phpunit.xml", "pytest/xunit2.xml", "surefire/plain.xml"])
def test_a_byte_at_a_time_gives_the_same_rows(name: str) -> None:
    data = REPORTS[name]
    assert read(*(data[at : at + 1] for at in range(len(data)))) == WHOLE[name]


@given(st.sampled_from(sorted(REPORTS)), st.floats(0, 1, exclude_max=True))
def test_a_truncated_report_gives_its_complete_cases_and_is_broken(name: str, part: float) -> None:
    """No case is invented."""
    data = REPORTS[name].rstrip()
    found, broken = read(data[: int(part * len(data))])
    assert found == WHOLE[name][0][: len(found)]
    assert broken


@given(st.binary())
@pytest.mark.parametrize(
    "head", [b"", b"<", b"<testsuite>", b"\xff\xfe", b"\xfe\xff", b'<?xml version="1.0" encoding="']
)
def test_any_bytes_are_a_report_or_a_broken_one(head: bytes, tail: bytes) -> None:
    """No input raises another error."""
    read(head + tail)


@given(st.sampled_from(sorted(REPORTS)), st.floats(0, 1), st.binary(max_size=4), st.integers(0, 8))
def test_damage_in_the_middle_never_reaches_the_rows_before(name: str, part: float, other: bytes, drop: int) -> None:
    """Cases whose elements end before the damage stay the same."""
    data = REPORTS[name]
    place = int(part * len(data))
    found, _ = read(data[:place] + other + data[place + drop :])
    before, _ = read(data[:place])
    assert found[: len(before)] == before
    assert len(before) >= data[:place].count(b"</testcase>")


def test_a_case_is_returned_when_its_element_ends() -> None:
    """It does not wait for the next case or the end of the suite."""
    parser = JUnitParser()
    assert list(parser.feed(b'<testsuites><testsuite><testcase name="a"/')) == []
    assert [one.case.name for one in parser.feed(b"><")] == ["a"]
    assert [one.case.name for one in parser.feed(b'testcase name="b"><failure/></testcase>')] == ["b"]


def test_after_it_broke_a_report_stays_broken() -> None:
    parser = JUnitParser()
    with pytest.raises(BrokenReport):
        list(parser.feed(b"<testsuite></oops>"))
    with pytest.raises(BrokenReport):
        list(parser.feed(b"<testsuite/>"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "line 1: the file ends before it began"),
        (b"<testsuite>\n<testcase name='a'>", "line 2: the file ends inside <testcase>"),
        (b"<testsuite", "line 1: the file ends before it began"),
        (b"<testsuite/>x", "line 1, column 13: junk after document element"),
        (b"<testsuite></testsuites>", "line 1, column 14: mismatched tag"),
        (b"<test\xffsuite/>", "line 1, column 6: not well-formed (invalid token)"),
        (b"<testsuite>&nope;</testsuite>", "line 1, column 12: undefined entity"),
        (b"<html></html>", "its root must be <testsuites> or <testsuite>, but is <html>"),
        (b"<testcase name='a'/>", "its root must be <testsuites> or <testsuite>, but is <testcase>"),
        (
            b"<?xml version='1.0' encoding='nope'?><testsuite/>",
            "line 1: its encoding can't be read: unknown encoding: nope",
        ),
        (b"<a>" * 200, "its root must be <testsuites> or <testsuite>, but is <a>"),
        (b"<testsuite>" * (MAX_DEPTH + 1), f"its elements are nested more than {MAX_DEPTH} deep"),
    ],
)
def test_a_broken_report_gives_place_and_reason(data: bytes, why: str) -> None:
    """The reason is one line."""
    assert read(data) == ([], why)


BILLION_LAUGHS = (
    b'<!DOCTYPE testsuite [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + at, b"&%c;" % (97 + at) * 10) for at in range(12))
    + b"]><testsuite><testcase name='a'><failure>&m;</failure></testcase></testsuite>"
)


@pytest.mark.parametrize(
    "data",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE testsuite [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>',
        b'<!DOCTYPE testsuite [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><testsuite/>',
        b'<!DOCTYPE testsuite SYSTEM "junit.dtd"><testsuite/>',
        b"<!DOCTYPE testsuite><testsuite/>",
    ],
)
def test_a_dtd_is_refused_where_it_begins(data: bytes) -> None:
    """No entity can then grow or reach a file or the network."""
    before = time.process_time()
    assert read(data) == ([], "it must not declare a document type (DTD)")
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<testsuite/>", []),
        ("<testsuites/>", []),
        ('<testsuites><testcase name="a"/></testsuites>', ["a"]),
        ('<testsuite name="s"><testcase name="a"/></testsuite>', ["s > a"]),
        (
            """<testsuites name="all"><testsuite name="s"><testsuite name="t"><testcase name="a"/></testsuite>
            <testcase name="b"/></testsuite><testcase name="c"/></testsuites>""",
            ["s > t > a", "s > b", "c"],
        ),
        ('<testsuite><testcase classname="c" name="a"/><testcase/></testsuite>', ["c.a", "unnamed"]),
        ('<t:testsuite xmlns:t="x"><t:testcase name="a"/></t:testsuite>', ["a"]),
        ('<testsuite xmlns="x"><testcase name="a"/></testsuite>', ["a"]),
        ('<testsuite><properties><testcase name="no"/></properties><testcase name="a"/></testsuite>', ["a"]),
        ('<testsuite><testcase name="a"><testcase name="inner"/></testcase></testsuite>', ["a"]),
        (
            """<testsuites><testsuite name="s"><foo><testsuite name="t"><testcase name="a"/></testsuite></foo>
            <testcase name="b"/></testsuite><foo><testsuite/><testsuites/></foo><testcase name="c"/></testsuites>""",
            ["s > t > a", "s > b", "c"],
        ),
        (
            """<testsuites><foo><bar><testcase name="a"/></bar></foo><system-out><testsuite name="s">
            <testcase name="b"/></testsuite></system-out><testcase name="c"/></testsuites>""",
            ["a", "s > b", "c"],
        ),
    ],
)
def test_suites_may_nest_or_be_missing(text: str, names: list[str]) -> None:
    """Every case counts at any depth."""
    assert [case.name for case in cases(text)] == names


@pytest.mark.parametrize(
    ("children", "status"),
    [
        ("", Status.PASSED),
        ("<properties/>", Status.PASSED),
        ("<skipped/>", Status.SKIPPED),
        ("<error/>", Status.ERRORED),
        ("<failure/>", Status.FAILED),
        ("<skipped/><failure/>", Status.FAILED),
        ("<skipped/><error/>", Status.ERRORED),
        ("<error/><failure/>", Status.FAILED),
        ("<failure/><rerunError/>", Status.ERRORED),
        ("<error/><rerunFailure/>", Status.FAILED),
        ("<rerunFailure/>", Status.PASSED),
        ("<flakyError/>", Status.PASSED),
        ("<flakyFailure/><skipped/>", Status.SKIPPED),
        ("<foo><failure/></foo>", Status.PASSED),
        ("<system-out><failure/></system-out>", Status.PASSED),
    ],
)
def test_the_children_of_a_case_determine_its_status(children: str, status: Status) -> None:
    """A failure outweighs an error. Only direct children count, and the last try decides."""
    assert only(f'<testcase name="a">{children}</testcase>').status is status


@pytest.mark.parametrize("word", ["notrun", "disabled", "NOTRUN"])
def test_a_case_that_did_not_run_is_skipped(word: str) -> None:
    """CTest and GoogleTest only set the attribute `status`."""
    assert only(f'<testcase name="a" status="{word}"/>').status is Status.SKIPPED


@pytest.mark.parametrize("word", ["failed", "Error", "broken"])
def test_a_case_whose_status_attribute_says_failed_is_failed(word: str) -> None:
    """A report of a custom tool may have no child element."""
    assert only(f'<testcase name="a" status="{word}"/>').status is Status.FAILED


def test_a_case_without_further_tries_has_no_list_of_tries() -> None:
    assert only('<testcase name="a"><failure/></testcase>').tries == ()


def test_tries_have_the_order_of_their_execution() -> None:
    """The element's own result belongs to the first try of a failed case and to the last try of a passed one."""
    bad = only(
        '<testcase name="a" time="1"><rerunError message="2" time="3"/><rerunFailure message="3"/>'
        '<failure message="1"/></testcase>'
    )
    assert [(one.status, one.error, one.duration_ms) for one in bad.tries] == [
        (Status.FAILED, "1", 1000.0),
        (Status.ERRORED, "2", 3000.0),
        (Status.FAILED, "3", None),
    ]
    assert (bad.status, bad.error, bad.duration_ms, bad.flaky) == (Status.FAILED, "3", 1000.0, False)
    good = only('<testcase name="a" time="1"><flakyFailure message="1" time="2"/></testcase>')
    assert [(one.status, one.error, one.duration_ms) for one in good.tries] == [
        (Status.FAILED, "1", 2000.0),
        (Status.PASSED, None, 1000.0),
    ]
    assert (good.status, good.error, good.duration_ms, good.flaky) == (Status.PASSED, None, 1000.0, True)


@given(st.integers(1, 60))
def test_attachments_are_found_across_pieces(size: int) -> None:
    """Marks in every output of a case count, in any split."""
    data = (
        b"<testsuite><system-out>[[ATTACHMENT|suite.png]]</system-out><testcase><system-out>a [[b\n"
        b"[[ATTACHMENT|../shots/a b.png]] x [[ATTACHMENT|d.png]]</system-out><flakyFailure><system-err><![CDATA[\n"
        b"[[ATTACHMENT|e.webm]]\n]]></system-err></flakyFailure><failure>[[ATTACHMENT|no.png]]</failure></testcase>"
        b"<testcase><system-out>[[ATTACHMENT|open</system-out><system-out>]]</system-out></testcase></testsuite>"
    )
    found, _ = read(*(data[at : at + size] for at in range(0, len(data), size)))
    assert [one.attachments for one in found] == [("../shots/a b.png", "d.png", "e.webm"), ()]
