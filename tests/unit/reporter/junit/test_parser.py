"""The incremental parser: any dialect, any split, any damage."""

import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.errors import BrokenReport
from reporter.junit.case import Case, Status
from reporter.junit.failure import MAX_ERROR_BYTES
from reporter.junit.parser import MAX_ATTACHMENTS, MAX_DEPTH, MAX_PARTS, MAX_TOKEN_BYTES, JUnitParser, Reported

FIXTURES = sorted((Path(__file__).parents[3] / "fixtures" / "junit").glob("*/*.xml"))
REPORTS = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in FIXTURES}


def read(*pieces: bytes) -> tuple[list[Reported], str | None]:
    """Return the cases of a file in pieces, and the reason if it is broken."""
    parser = JUnitParser()
    found: list[Reported] = []
    try:
        for piece in pieces:
            found.extend(_into(found, parser.feed(piece)))
        found.extend(_into(found, parser.close()))
    except BrokenReport as broken:
        return found, str(broken)
    return found, None


def _into(found: list[Reported], elements: Iterator[Reported]) -> list[Reported]:
    for element in elements:
        found.append(element)  # noqa: PERF402  # cases before an error count
    return []


def cases(text: str) -> list[Case]:
    found, broken = read(text.encode())
    assert broken is None
    return [element.case for element in found]


def only(text: str) -> Case:
    (case,) = cases(f"<testsuite>{text}</testsuite>")
    return case


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
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "<?xml version='1.0' encoding='UTF-8'?>"),
        ("utf-16", "<?xml version='1.0' encoding='UTF-16'?>"),
        ("utf-16", ""),
        ("iso-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?>"),
        ("cp1252", "<?xml version='1.0' encoding='windows-1252'?>"),
        ("us-ascii", "<?xml version='1.0' encoding='US-ASCII'?>"),
    ],
)
def test_an_encoding_is_read_as_it_is_declared(encoding: str, declared: str) -> None:
    """By a byte order mark or by the declaration."""
    name = "plain" if encoding == "us-ascii" else "Käse"
    found, broken = read(f'{declared}<testsuite><testcase name="{name}"/></testsuite>'.encode(encoding))
    assert ([one.case.name for one in found], broken) == ([name], None)


def test_half_a_character_of_utf_16_becomes_the_replacement_character() -> None:
    """No name contains a lone surrogate, and no case is lost."""
    data = '<testsuite><testcase name="a'.encode("utf-16") + b"\x00\xd8" + '"/></testsuite>'.encode("utf-16-le")
    found, broken = read(data)
    assert ([one.case.name for one in found], broken) == (["a\ufffd"], None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "iso-8859-1", "cp1252", "us-ascii"])
@pytest.mark.parametrize("bad", ["\x1b", "\x00", "\x08", "&#27;", "&#0;", "&#x1B;"])
def test_a_character_that_xml_forbids_costs_no_case(encoding: str, bad: str) -> None:
    """Tools copy terminal colours into reports. All cases count."""
    declared = "" if encoding.startswith("utf") else f"<?xml version='1.0' encoding='{encoding}'?>"
    text = f"""{declared}<testsuite><testcase name="a{bad}b"><failure message="{bad}[31mred">x{bad}y</failure>
    <system-out><![CDATA[{bad} out]]></system-out></testcase>{bad}<testcase name="c"/></testsuite>"""
    found, broken = read(text.encode(encoding))
    assert broken is None
    assert [(one.case.name, one.case.status) for one in found] == [
        ("a\ufffdb", Status.FAILED), ("c", Status.PASSED)
    ]  # fmt: skip
    assert found[0].case.error == "red\nx\ufffdy"


def test_bytes_that_are_no_utf_8_cost_no_case() -> None:
    """A test may print in another encoding than that of the report."""
    found, broken = read(b'<testsuite><testcase name="a"><failure>K\xe4se</failure></testcase><testcase/></testsuite>')
    assert ([one.case.error for one in found], broken) == (["K\ufffdse", None], None)


def test_a_reference_within_cdata_is_plain_text() -> None:
    """Surefire writes the escape character of a printed line in this way."""
    case = only('<testcase name="a"><failure><![CDATA[&#27; red]]></failure></testcase>')
    assert case.error == "&#27; red"


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


def test_a_huge_error_is_cut_and_counted() -> None:
    """The marker counts the bytes that the parser dropped."""
    case = only(f'<testcase name="a"><failure message="lost">{"x" * 1_000_000}</failure></testcase>')
    assert case.error
    assert case.error.startswith("lost\nxxx")
    assert len(case.error.encode()) <= MAX_ERROR_BYTES
    head, marker = case.error.rsplit("\n", 1)
    assert marker == f"[… {1_000_005 - len(head)} bytes left out]"


def test_a_huge_message_is_cut_too() -> None:
    """The message is an attribute."""
    case = only(f'<testcase name="a"><failure message="{"x" * 1_000_000}"/></testcase>')
    assert case.error
    assert len(case.error.encode()) <= MAX_ERROR_BYTES
    assert case.error.endswith(" bytes left out]")


def test_the_length_of_a_tag_is_limited() -> None:
    """expat keeps a tag in memory. A tag below the limit is read in any pieces within the test's time limit."""
    size = MAX_TOKEN_BYTES // 1024
    pieces = [b'<testsuite><testcase name="', *[b"x" * 1024] * (size - 100), b'"/></testsuite>']
    assert read(*pieces)[1] is None
    pieces = [b'<testsuite><testcase name="', *[b"x" * 1024] * (size + 100)]
    assert read(*pieces) == ([], f"line 1: one tag is longer than {MAX_TOKEN_BYTES} bytes")


def test_long_output_takes_bounded_memory() -> None:
    """4 MiB of output of a suite, a failure and a case pass through less than 1 MiB."""
    piece = b"some output &amp; more\n" * 2979  # about 64 KiB
    head = b'<testsuite><system-out>%s</system-out><testcase name="a"><failure>%s</failure><system-out>%s</system-out>'

    def stream() -> Iterator[bytes]:
        for part in head.split(b"%s")[:-1]:
            yield part
            for _ in range(64):
                yield piece
        yield b"</system-out></testcase></testsuite>"

    parser = JUnitParser()
    tracemalloc.start()
    try:
        for data in stream():
            for _ in parser.feed(data):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024


def test_the_tries_of_one_case_are_bounded() -> None:
    case = only(f'<testcase name="a">{"<flakyFailure/>" * (MAX_PARTS * 3)}</testcase>')
    assert len(case.tries) == MAX_PARTS + 1
    assert case.flaky


@pytest.mark.parametrize("part", ["flakyFailure", "rerunFailure", "skipped", "error"])
def test_the_worst_result_counts_however_many_come_before_it(part: str) -> None:
    """The bound must not hide a failure."""
    case = only(f'<testcase name="a">{f"<{part}/>" * (MAX_PARTS + 1)}<failure message="no"/></testcase>')
    assert case.status is Status.FAILED


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


def test_attachments_are_bounded() -> None:
    lines = "".join(f"[[ATTACHMENT|{at}.png]]\n" for at in range(MAX_ATTACHMENTS * 2))
    found, _ = read(f"<testsuite><testcase><system-out>{lines}</system-out></testcase></testsuite>".encode())
    assert len(found[0].attachments) == MAX_ATTACHMENTS


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
