"""What changed from one run to another."""

from datetime import UTC, datetime, timedelta

import pytest

from testfleet.database.connection import Database
from testfleet.results import compare
from testfleet.results.compare import CHANGES, CaseChange
from tests.support.past_runs import put_run

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

BEFORE = {
    "breaks": "p",
    "errs": "p",
    "stays bad": "f",
    "gets fixed": "e",
    "is skipped": "p",
    "is removed": "p",
    "slows": "p",
    "speeds up": "p",
    "is the same": "p",
    "stays skipped": "s",
    "is enabled": "s",
    "is enabled and fails": "s",
    "slows a little": "p",
    "jitters": "p",
}
AFTER = {
    "breaks": "f",
    "errs": "e",
    "stays bad": "f",
    "gets fixed": "r",
    "is skipped": "s",
    "is added": "p",
    "is added and fails": "f",
    "slows": "p",
    "speeds up": "p",
    "is the same": "p",
    "stays skipped": "s",
    "is enabled": "p",
    "is enabled and fails": "f",
    "slows a little": "p",
    "jitters": "p",
}


@pytest.fixture
def recorded(database: Database) -> Database:
    """Two runs of different days."""
    before = {"speeds up": 900.0, "slows a little": 1000.0, "jitters": 2.0}
    after = {"slows": 950.0, "slows a little": 1499.0, "jitters": 90.0}
    put_run(database.url, "a", BEFORE, at=START, ms=before, fold=False)
    put_run(database.url, "b", AFTER, at=START + timedelta(days=40), ms=after, message="got 500", fold=False)
    return database


def test_each_case_that_differs_has_one_change(recorded: Database) -> None:
    """A difference of durations counts from a factor and a number of milliseconds on."""
    with recorded.connect() as connection:
        found = compare.compare(connection, "a", "b")
    assert found is not None
    assert (found.before.run_id, found.after.run_id) == ("a", "b")
    assert {(case.change, case.name) for case in found.cases} == {
        ("broke", "breaks"),
        ("broke", "errs"),
        ("broke", "is enabled and fails"),
        ("fails_in_both", "stays bad"),
        ("fixed", "gets fixed"),
        ("skipped", "is skipped"),
        ("added", "is added"),
        ("added", "is added and fails"),
        ("removed", "is removed"),
        ("slower", "slows"),
        ("faster", "speeds up"),
    }
    assert [found.counts[change] for change in CHANGES] == [3, 1, 1, 1, 2, 1, 1, 1]
    assert found.cases[0] == CaseChange("broke", "breaks", "shop.py", "passed", "failed", 100, 100, "got 500", None)


def test_the_counts_are_those_of_all_cases_if_the_list_is_cut(recorded: Database) -> None:
    with recorded.connect() as connection:
        found = compare.compare(connection, "a", "b", limit=1)
    assert found is not None
    assert (found.counts["broke"], [case.change for case in found.cases].count("broke")) == (3, 1)
    assert [case.change for case in found.cases] == list(CHANGES)


def test_the_opposite_order_gives_the_opposite_changes(recorded: Database) -> None:
    with recorded.connect() as connection:
        found = compare.compare(connection, "b", "a")
    assert found is not None
    assert [found.counts[change] for change in CHANGES] == [1, 1, 2, 2, 1, 2, 1, 1]


def test_a_run_without_a_row_gives_no_comparison(recorded: Database) -> None:
    with recorded.connect() as connection:
        assert compare.compare(connection, "a", "unknown") is None
        assert compare.compare(connection, "unknown", "b") is None
