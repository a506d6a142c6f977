"""The tail of the reports while the suite runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.reports import folder as module
from reporter.reports.folder import Reports
from tests.support.reports import TAIL, names, polled


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
