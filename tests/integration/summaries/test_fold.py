"""The fold: once for each run with a verdict, at a cost of the run's own cases."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.database.rebuild import rebuild
from tests.support.folded_runs import Past


def summary(past: Past, *columns: str) -> tuple[Any, ...]:
    row = past.connection.execute(f"SELECT {', '.join(columns)} FROM case_summaries".encode()).fetchone()
    assert row is not None
    return tuple(row)


def test_a_run_folds_once(past: Past) -> None:
    """A second call changes nothing."""
    run = past.add({"pays": "p"})
    assert past.connection.execute("SELECT fold_run(%s)", [run]).fetchone() == (False,)
    assert summary(past, "executions", "outcomes", "last_run_id") == (1, "p", run)


@pytest.mark.parametrize("status", ["cancelled", "running", "queued"])
def test_a_run_without_a_verdict_does_not_fold(past: Past, status: str) -> None:
    """A cancelled run has partial results."""
    run = past.add({"pays": "p"}, fold=False)
    end = ", finished_at = NULL" if status != "cancelled" else ""
    past.connection.execute(f"UPDATE test_runs SET status = %s {end}".encode(), [status])
    assert past.connection.execute("SELECT fold_run(%s)", [run]).fetchone() == (False,)
    assert past.connection.execute("SELECT count(*) FROM folded_cases").fetchone() == (0,)


def test_a_summary_keeps_fifty_outcomes_and_durations(past: Past) -> None:
    """The counts go on."""
    for letter in "f" + "p" * 54:
        past.add({"pays": letter})
    columns = ("outcomes", "cardinality(durations)", "tried", "executions", "failures")
    assert summary(past, *columns) == ("p" * 50, 50, "01" * 10, 55, 1)


def test_a_summary_counts_by_day(past: Past) -> None:
    """Days without an execution count nothing, and 36 days before the last one are kept."""
    past.add({"pays": "f"})
    past.add({"pays": "p"})
    past.add({"pays": "f"}, after=timedelta(days=3))
    columns = ("day_executions", "day_failures", "past_executions", "past_failures")
    assert summary(past, *columns) == (1, 1, [2, 0, 0], [1, 0, 0])
    past.add({"pays": "p"}, after=timedelta(days=34))
    executions, failures, before, _ = summary(past, *columns)
    assert (executions, failures, len(before), before[2], sum(before)) == (1, 0, 36, 1, 1)
    past.add({"pays": "p"}, after=timedelta(days=37))
    assert summary(past, *columns) == (1, 0, [], [])


def test_the_usual_number_of_cases_is_the_median_of_ten_runs(past: Past) -> None:
    """The first run of a branch expects that of the default branch."""
    for number in (2, 3, 3, 4):
        past.add({f"case {place}": "p" for place in range(number)})
    past.add({"case 0": "p"}, branch="fix")
    found = past.connection.execute("SELECT run_id, expected_cases FROM test_runs ORDER BY number").fetchall()
    assert [expected for _, expected in found] == [None, 2, 2, 3, 3]


def test_an_update_of_summaries_changes_no_index(past: Past) -> None:
    """Half of each page is free, so a new version of a row fits beside the old one."""
    names = [f"file.spec.ts > the case with the number {number}" for number in range(300)]
    for _ in range(12):
        past.add(dict.fromkeys(names, "p"))
    past.connection.execute("SELECT pg_stat_force_next_flush()")
    row = past.connection.execute(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'folded_cases'"
    ).fetchone()
    assert row is not None
    assert row[0] == 11 * len(names)
    assert row[1] >= 0.9 * row[0]


def test_two_runs_of_a_suite_end_one_after_the_other(past: Past, database_url: str) -> None:
    """The second transaction gets a later end, even if the clock does not advance."""
    first, second = past.add({"pays": "p"}, fold=False), past.add({"pays": "p"}, fold=False)
    past.connection.execute("UPDATE test_runs SET finished_at = '2100-01-01' WHERE run_id = %s", [first])
    row = past.connection.execute("SELECT lock_summaries(%s) > '2100-01-01'", [second]).fetchone()
    assert row == (True,)
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as other:
        holder.execute("SELECT lock_summaries(%s)", [first])
        other.execute("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT lock_summaries(%s)", [second])


def test_an_error_of_the_fold_never_costs_a_verdict(past: Past, database_url: str) -> None:
    """The run is without summaries until a rebuild."""
    past.add({"pays": "p"})
    past.connection.execute("ALTER TABLE folded_cases ADD CONSTRAINT broken CHECK (executions < 2)")
    run = past.add({"pays": "p"}, fold=False)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT fold_run(%s)", [run]).fetchone() == (False,)
        connection.execute("UPDATE test_runs SET detail = 'the same transaction' WHERE run_id = %s", [run])
    past.connection.execute("ALTER TABLE folded_cases DROP CONSTRAINT broken")
    assert past.connection.execute("SELECT folded FROM test_runs ORDER BY number").fetchall() == [(True,), (False,)]
    list(rebuild(Database(database_url)))
    assert summary(past, "executions") == (2,)


def test_a_lock_that_is_not_free_fails_the_transaction(past: Past, database_url: str) -> None:
    """The reporter repeats it."""
    past.add({"pays": "p"})
    run = past.add({"pays": "p"}, fold=False)
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as other:
        holder.execute("SELECT FROM folded_cases FOR UPDATE")
        other.execute("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT fold_run(%s)", [run])
