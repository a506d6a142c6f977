"""JUnit files found, and looked at before anything is recorded."""

import os
from pathlib import Path

import pytest

from testfleet.errors import BadData, Refused
from testfleet.recording.reports import find

JUNIT = '<testsuites><testsuite name="s"><testcase name="a"/></testsuite></testsuites>'


def put(path: Path, text: str = JUNIT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_gives_its_reports_under_their_own_names(tmp_path: Path) -> None:
    """Names do not tell where the folder was, so that the same reports are the same anywhere."""
    put(tmp_path / "b.xml")
    put(tmp_path / "deep" / "a.xml", '<x:testsuite xmlns:x="urn:x"/>')
    put(tmp_path / "notes.txt")
    assert [report.name for report in find([tmp_path]).reports] == ["b.xml", "deep/a.xml"]


def test_several_paths_do_not_meet(tmp_path: Path) -> None:
    """Every tool calls its file junit.xml."""
    paths = [put(tmp_path / "one" / "junit.xml"), put(tmp_path / "two" / "junit.xml")]
    assert [report.name for report in find(paths).reports] == ["0001/junit.xml", "0002/junit.xml"]


def test_a_report_by_another_name_is_taken_for_one(tmp_path: Path) -> None:
    """The reporter looks at *.xml only."""
    assert [report.name for report in find([put(tmp_path / "results.junit")]).reports] == ["results.xml"]


def test_other_xml_and_links_in_a_folder_are_ignored(tmp_path: Path) -> None:
    """A build folder holds coverage and style reports too, and a link may lead anywhere."""
    put(tmp_path / "junit.xml")
    other = put(tmp_path / "coverage.xml", "<coverage/>")
    link = tmp_path / "link.xml"
    link.symlink_to(put(tmp_path.parent / "outside.xml"))
    found = find([tmp_path])
    assert [report.name for report in found.reports] == ["junit.xml"]
    assert set(found.ignored) == {other, link}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<testsuite><testcase", "must be well-formed XML: unclosed token: line 1"),
        ("", "must be well-formed XML: no element found"),
        ("<testsuite></testsuites>", "must be well-formed XML: mismatched tag"),
        ("<coverage/>", "must be JUnit XML"),
        ('<!DOCTYPE t [<!ENTITY a "b">]><testsuite>&a;</testsuite>', "must not declare a document type"),
    ],
)
def test_a_broken_file_is_told_before_anything_is_recorded(text: str, line: str, tmp_path: Path) -> None:
    """A finished run never changes, so a broken report must not use up its id."""
    path = put(tmp_path / "junit.xml", text)
    with pytest.raises(BadData) as caught:
        find([path])
    assert str(caught.value).startswith(f"{path}: {line}")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_characters_that_xml_forbids_break_no_file(encoding: str, tmp_path: Path) -> None:
    """The reporter replaces them, so a report that it can read is not refused here."""
    path = tmp_path / "junit.xml"
    path.write_bytes('<testsuite><testcase name="\x1b[31m&#27;\x00"/></testsuite>'.encode(encoding))
    assert [report.source for report in find([path]).reports] == [path]


def test_an_encoding_that_is_unknown_is_named(tmp_path: Path) -> None:
    """Instead of a traceback."""
    path = put(tmp_path / "junit.xml", '<?xml version="1.0" encoding="nope"?><testsuite/>')
    with pytest.raises(BadData, match="must be well-formed XML: unknown encoding: nope"):
        find([path])


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file that is there and gives no bytes is told like a broken one."""
    path = put(tmp_path / "junit.xml")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Refused, match=r"must be an existing file or folder"):
        find([path])


@pytest.mark.parametrize("make", [False, True], ids=["missing path", "empty folder"])
def test_nothing_to_bring_in_is_refused(make: bool, tmp_path: Path) -> None:
    """A mistyped folder must not look like a run without tests."""
    path = tmp_path / "reports"
    if make:
        path.mkdir()
    with pytest.raises(Refused, match=r"^PATH: .*reports"):
        find([path])
