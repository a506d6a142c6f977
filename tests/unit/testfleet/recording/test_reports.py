"""JUnit files are found and checked before a row is written."""

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
    """A name does not contain the folder's own path, so that the same reports have the same names on every machine."""
    put(tmp_path / "b.xml")
    put(tmp_path / "deep" / "a.xml", '<x:testsuite xmlns:x="urn:x"/>')
    put(tmp_path / "notes.txt")
    assert [report.name for report in find([tmp_path]).reports] == ["b.xml", "deep/a.xml"]


def test_equal_names_below_several_paths_do_not_collide(tmp_path: Path) -> None:
    """Every tool calls its file junit.xml."""
    paths = [put(tmp_path / "one" / "junit.xml"), put(tmp_path / "two" / "junit.xml")]
    assert [report.name for report in find(paths).reports] == ["0001/junit.xml", "0002/junit.xml"]


def test_a_file_that_is_named_needs_no_xml_suffix(tmp_path: Path) -> None:
    """The reporter reads only *.xml, so the copy gets this suffix."""
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
def test_a_broken_file_is_refused_before_a_row_is_written(text: str, line: str, tmp_path: Path) -> None:
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


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    """Instead of a traceback."""
    path = put(tmp_path / "junit.xml", '<?xml version="1.0" encoding="nope"?><testsuite/>')
    with pytest.raises(BadData, match="must be well-formed XML: unknown encoding: nope"):
        find([path])


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """The error is that of a broken file."""
    path = put(tmp_path / "junit.xml")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Refused, match=r"must be an existing file or folder"):
        find([path])


@pytest.mark.parametrize("make", [False, True], ids=["missing path", "empty folder"])
def test_paths_without_a_report_are_refused(make: bool, tmp_path: Path) -> None:
    """A mistyped folder is no run without cases."""
    path = tmp_path / "reports"
    if make:
        path.mkdir()
    with pytest.raises(Refused, match=r"^PATH: .*reports"):
        find([path])
