"""Tries of a case that tools write as repeated elements."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit import tries
from reporter.junit.case import Status
from reporter.reports.folder import Reports
from tests.support.reports import final, polled


def test_held_tries_are_returned_before_the_error(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A file that breaks off between two tries loses no case."""
    write("a.xml", "one", "two", "one", head='<testsuite name="pytest">', tail="<oops></testsuite>")
    reports = Reports(tmp_path)
    assert [(case.name, case.flaky) for case in final(reports)] == [("two", False), ("one", True)]
    assert [path for path, _ in reports.summary.broken] == ["junit/a.xml"]


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
