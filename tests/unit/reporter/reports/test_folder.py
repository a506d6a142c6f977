"""Tail and final reading of the reports below an artifacts folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit import tries
from reporter.junit.case import Case, Status
from reporter.reports import folder as module
from reporter.reports.folder import BATCH_CASES, Reports

HEAD, TAIL = '<testsuites name="x"><testsuite>', "</testsuite></testsuites>"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a report of cases (elements or just names) below the artifacts folder `tmp_path`."""

    def write(path: str, *cases: str, head: str = HEAD, tail: str = TAIL) -> Path:
        file = tmp_path / "junit" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + "".join(map(element, cases)) + tail, encoding="utf-8")
        return file

    return write


def element(case: str) -> str:
    return case if case.startswith("<") else f'<testcase name="{case}"/>'


def polled(reports: Reports) -> list[str]:
    return [case.name for batch in reports.poll() for case in batch]


def final(reports: Reports) -> list[Case]:
    return [case for batch in reports.final() for case in batch]


def names(reports: Reports) -> list[str]:
    return [case.name for case in final(reports)]


def test_a_growing_file_gives_each_case_once(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Each poll continues at the last position, even within an element."""
    reports = Reports(tmp_path)
    assert polled(reports) == []
    file = write("a.xml", "one", tail='<testcase name="tw')
    assert polled(reports) == ["one"]
    assert polled(reports) == []
    with file.open("a") as more:
        more.write(f'o"/><testcase name="two"/>{TAIL}\n')
    assert polled(reports) == ["two", "two #2"]
    assert polled(reports) == []


def test_a_file_that_was_replaced_is_read_from_its_start(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Some tools write a new file and rename it."""
    reports = Reports(tmp_path)
    write("a.xml", "one", tail="")
    assert polled(reports) == ["one"]
    write("b.tmp", "one", "two").replace(tmp_path / "junit" / "a.xml")
    assert polled(reports) == ["one", "two"]


def test_a_file_that_shrank_is_read_from_its_start(tmp_path: Path, write: Callable[..., Path]) -> None:
    """The tool has written the same file again."""
    reports = Reports(tmp_path)
    write("a.xml", "a long name that takes its room", tail="")
    assert polled(reports) == ["a long name that takes its room"]
    write("a.xml", "one", tail="")
    assert polled(reports) == ["one"]


def test_a_file_may_vanish_and_come_back(tmp_path: Path, write: Callable[..., Path]) -> None:
    """It may vanish between two polls or between listing and opening."""
    reports = Reports(tmp_path)
    file = write("a.xml", "one")
    assert polled(reports) == ["one"]
    file.unlink()
    assert polled(reports) == []
    assert names(reports) == []
    assert reports.summary.files == 0
    write("a.xml", "one")
    assert polled(reports) == ["one"]


def test_one_poll_reads_only_so_much(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next poll reads the rest."""
    monkeypatch.setattr(module, "POLL_BYTES", 1000)
    reports = Reports(tmp_path)
    write("a.xml", *(f"a{at}" for at in range(50)))
    write("b.xml", *(f"b{at}" for at in range(50)))
    counts = []
    while found := polled(reports):
        counts.append(len(found))
    assert sum(counts) == 100
    assert all(30 < count < 50 for count in counts[:-1])


def test_a_broken_file_stops_neither_its_tail_nor_the_others(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A poll returns the cases before the damage. The final reading reports it."""
    reports = Reports(tmp_path)
    write("a.xml", "one", tail="<oops></testsuite>")
    write("b.xml", "two")
    assert polled(reports) == ["one", "two"]
    assert polled(reports) == []


def test_a_further_try_takes_over_the_name_while_the_tail_goes_on(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Reruns of pytest are repeats. A provisional `#2` would add a case."""
    reports = Reports(tmp_path)
    write("a.xml", "one", "one", head='<testsuites name="pytest tests"><testsuite>')
    assert polled(reports) == ["one", "one"]


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


def test_held_tries_are_returned_before_the_error(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A file that breaks off between two tries loses no case."""
    write("a.xml", "one", "two", "one", head='<testsuite name="pytest">', tail="<oops></testsuite>")
    reports = Reports(tmp_path)
    assert [(case.name, case.flaky) for case in final(reports)] == [("two", False), ("one", True)]
    assert [path for path, _ in reports.summary.broken] == ["junit/a.xml"]


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


GO = '<testsuite><properties><property name="go.version" value="1"/></properties>'


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["", "<failure/>"])), max_size=8))
def test_reruns_of_go_lose_no_case_and_no_try(
    tmp_path_factory: pytest.TempPathFactory, elements: list[tuple[str, str]]
) -> None:
    """A repeat after a failure is a try. A repeat after a success is another case."""
    folder = tmp_path_factory.mktemp("go")
    (folder / "junit").mkdir()
    cases = "".join(f'<testcase name="{name}">{child}</testcase>' for name, child in elements)
    (folder / "junit" / "a.xml").write_text(f"{GO}{cases}</testsuite>")
    rows = final(Reports(folder))
    assert sum(len(row.tries) or 1 for row in rows) == len(elements)
    assert len({row.name for row in rows}) == len(rows)
    for name in "AB":
        mine = [row for row in rows if row.name[0] == name]
        assert sum(row.status is Status.PASSED for row in mine) == sum(one == (name, "") for one in elements)
        assert all(one.status is Status.FAILED for row in mine for one in row.tries[:-1])
        assert all(row.flaky == (row.status is Status.PASSED and len(row.tries) > 1) for row in mine)


PYTEST_ROOT, PYTEST = '<testsuites name="pytest tests">', '<testsuite name="pytest">'
FAILS = '<testcase name="a"><failure/></testcase>'


@pytest.mark.parametrize("suite", [PYTEST, GO])
def test_a_repeat_in_another_suite_is_another_case(tmp_path: Path, write: Callable[..., Path], suite: str) -> None:
    """Two runs merged into one file: a failure of the first stays."""
    end = "</testsuite>"
    write("a.xml", FAILS, "b", end, suite, "a", "b", end, suite, "b", head=f"<testsuites>{suite}")
    rows = final(Reports(tmp_path))
    assert [(row.name, row.status, row.flaky) for row in rows] == [
        ("a", Status.FAILED, False), ("b", Status.PASSED, False), ("a #2", Status.PASSED, False),
        ("b #2", Status.PASSED, False), ("b #3", Status.PASSED, False),
    ]  # fmt: skip
    assert polled(Reports(tmp_path)) == ["a", "b", "a #2", "b #2", "b #3"]


def test_tries_of_a_suite_within_a_suite_are_its_own(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A nested suite does not end the outer one."""
    inner = '<testsuite name="inner">'
    write("a.xml", FAILS, inner, FAILS, "a", "</testsuite>", "a", head=PYTEST, tail="</testsuite>")
    rows = final(Reports(tmp_path))
    assert [(row.name, row.flaky, len(row.tries)) for row in rows] == [("inner > a", True, 2), ("a", True, 2)]
    assert polled(Reports(tmp_path)) == ["a", "inner > a", "inner > a", "a"]


def test_reruns_are_found_after_a_suite_of_another_tool(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A merged file may begin with a suite that has no reruns."""
    write("a.xml", "a", "a", "</testsuite>", PYTEST, FAILS, "a", head="<testsuites><testsuite>")
    rows = final(Reports(tmp_path))
    assert [(row.name, row.flaky) for row in rows] == [("a", False), ("a #2", False), ("a #3", True)]


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


def test_a_forbidden_character_does_not_move_the_position_of_the_tail(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    """The position counts the bytes of the file."""
    reports = Reports(tmp_path)
    file = write("a.xml", '<testcase name="one\x1b"/>', tail='<testcase name="\x1b[31mtwo&#2')
    assert polled(reports) == ["one\ufffd"]
    with file.open("a") as more:
        more.write(f'7;"/><testcase name="three\x00"/>{TAIL}\n')
    assert polled(reports) == ["\ufffd[31mtwo\ufffd", "three\ufffd"]
    assert names(reports) == ["one\ufffd", "\ufffd[31mtwo\ufffd", "three\ufffd"]
    assert reports.summary.broken == ()


def test_tries_beyond_the_bound_become_cases(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No element is dropped."""
    monkeypatch.setattr(tries, "MAX_HELD", 3)
    bad = [f'<testcase name="c{at}"><failure/></testcase>' for at in range(6)]
    write("a.xml", *bad, *(f"c{at}" for at in range(6)), head=GO, tail="</testsuite>")
    rows = final(Reports(tmp_path))
    assert sum(len(row.tries) or 1 for row in rows) == 12
    assert sorted(row.name for row in rows if row.flaky) == ["c0", "c1", "c2"]
    assert sorted(row.name for row in rows if row.name.endswith("#2")) == ["c3 #2", "c4 #2", "c5 #2"]
