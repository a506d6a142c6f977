"""The final reading of the reports below an artifacts folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.reports.folder import BATCH_CASES, Reports
from tests.support.reports import HEAD, TAIL, element, final, names, polled


def test_the_final_reading_takes_the_files_in_the_order_of_their_paths(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    """The names of repeats depend on the order, which must be the same on every machine."""
    for path in ("b.xml", "a/z.xml", "a.xml", "B.xml", "a/b/c.xml"):
        write(path, "same", path)
    reports = Reports(tmp_path)
    assert names(reports) == [
        "same", "B.xml", "same #2", "a.xml", "same #3", "a/b/c.xml", "same #4", "a/z.xml", "same #5", "b.xml",
    ]  # fmt: skip
    assert reports.summary.files == 5
    assert reports.summary.cases == 10


def test_the_final_reading_starts_anew_each_time(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A repeated transaction needs all cases again under the same names."""
    write("a.xml", "one", "one")
    reports = Reports(tmp_path)
    assert polled(reports) == ["one", "one #2"]
    next(reports.final())
    assert names(reports) == names(reports) == ["one", "one #2"]


def test_there_is_no_summary_before_the_end(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A partial reading has no summary."""
    write("a.xml", *["one"] * (BATCH_CASES + 1))
    reports = Reports(tmp_path)
    with pytest.raises(LookupError):
        _ = reports.summary
    final(reports)
    assert reports.summary.cases == BATCH_CASES + 1
    next(reports.final())
    with pytest.raises(LookupError):
        _ = reports.summary


def test_broken_reports_are_named_and_the_others_count(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Cases before the break count."""
    write("a.xml", "one", tail="<oops>")
    write("b.xml", "two")
    write("c.xml", head="", tail="")
    write("d.xml", head="<html/>", tail="")
    reports = Reports(tmp_path)
    assert names(reports) == ["one", "two"]
    assert reports.summary.files == 4
    assert reports.summary.broken == (
        ("junit/a.xml", "line 1: the file ends inside <oops>"),
        ("junit/c.xml", "line 1: the file ends before it began"),
        ("junit/d.xml", "its root must be <testsuites> or <testsuite>, but is <html>"),
    )


def test_a_missing_folder_gives_no_report(tmp_path: Path) -> None:
    """The suite wrote nothing."""
    reports = Reports(tmp_path)
    assert names(reports) == []
    assert (reports.summary.files, reports.summary.broken) == (0, ())


def test_nothing_outside_the_folder_is_read(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Links and special files are ignored."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.xml").write_text(HEAD + element("secret") + TAIL)
    write("a.xml", "one")
    junit = tmp_path / "junit"
    (junit / "link.xml").symlink_to(outside / "secret.xml")
    (junit / "folder").symlink_to(outside)
    (junit / "folder.xml").mkdir()
    (junit / "again.xml").symlink_to(junit / "a.xml")
    (junit / "dangling.xml").symlink_to(junit / "nothing")
    os.mkfifo(junit / "fifo.xml")
    reports = Reports(tmp_path)
    assert polled(reports) == ["one"]
    assert names(reports) == ["one"]
    assert (reports.summary.files, reports.summary.broken) == (1, ())


def test_a_junit_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """The suite may write anything into the artifacts folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.xml").write_text(HEAD + element("secret") + TAIL)
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (artifacts / "junit").symlink_to(outside)
    assert names(Reports(artifacts)) == []


UNREADABLE = """
import os
from pathlib import Path
from reporter.reports.folder import Reports
if os.geteuid() == 0:  # root can read every file
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
reports = Reports(Path())
print([case.name for batch in reports.poll() for case in batch])
print([case.name for batch in reports.final() for case in batch])
print(reports.summary.files, *reports.summary.broken, sep="\\n")
"""


def test_a_report_without_read_permission_is_broken(tmp_path: Path, write: Callable[..., Path]) -> None:
    """It may contain failures, so the shard must not pass."""
    write("a.xml", "one").chmod(0)
    write("b.xml", "two")
    write("sub/c.xml", "three").parent.chmod(0)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", UNREADABLE],
        cwd=tmp_path,
        check=False,  # the assertion below shows its output
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    (tmp_path / "junit" / "sub").chmod(0o700)
    assert done.stdout.splitlines() == [
        "['two']",
        "['two']",
        "2",
        "('junit/sub', \"the folder can't be read: Permission denied\")",
        "('junit/a.xml', \"it can't be read: Permission denied\")",
    ], done.stderr


def test_batches_are_bounded_by_cases(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("a.xml", *(f"c{at}" for at in range(BATCH_CASES * 2 + 1)))
    assert [len(batch) for batch in Reports(tmp_path).final()] == [BATCH_CASES, BATCH_CASES, 1]


def test_batches_are_bounded_by_text(tmp_path: Path, write: Callable[..., Path]) -> None:
    failing = f'<testcase name="c"><failure>{"x" * 16_000}</failure></testcase>'
    write("a.xml", *[failing] * 600)
    sizes = [len(batch) for batch in Reports(tmp_path).final()]
    assert sum(sizes) == 600
    assert max(sizes) < 300


def test_a_file_belongs_to_the_case_that_names_it(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Its path is relative to the report or absolute. A file outside of the artifacts folder is no artifact."""
    (tmp_path / "shots").mkdir()
    lines = ["../../shots/a.png", f"{tmp_path}/shots/b.png", "c.png", "../../../etc/passwd", "/etc/passwd", "../.."]
    output = "\n".join(f"[[ATTACHMENT|{line}]]" for line in lines)
    case = f'<testcase name="one"><system-out>{output}</system-out></testcase>'
    write("sub/a.xml", "one", case, case)
    reports = Reports(tmp_path)
    final(reports)
    assert dict(reports.summary.attachments) == {
        "shots/a.png": "one #2",
        "shots/b.png": "one #2",
        "junit/sub/c.png": "one #2",
        ".": "one #2",
    }


def test_the_largest_p95_of_all_reports_counts(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Two load tests in one suite: the slower one counts."""
    reports = Reports(tmp_path)
    write("a.xml", "one")
    final(reports)
    assert reports.summary.p95_ms is None
    for path, value in (("b.xml", 3), ("c.xml", 5), ("d.xml", 4)):
        write(path, f'<properties><property name="p95_ms" value="{value}"/></properties>')
    final(reports)
    assert reports.summary.p95_ms == 5


def test_a_failure_that_no_case_shows_is_in_the_summary(tmp_path: Path, write: Callable[..., Path]) -> None:
    """The summary names the report, even if it breaks off later."""
    write("a.xml", "one", head='<testsuite errors="2" name="s">', tail="</testsuite>")
    write("b.xml", "two", '<error message="no server"/>', tail="")
    reports = Reports(tmp_path)
    final(reports)
    assert reports.summary.doubts == (
        ("junit/a.xml", '<testsuite name="s"> has errors="2"'),
        ("junit/b.xml", '<testsuite name=""> has an <error> of its own: no server'),
    )
