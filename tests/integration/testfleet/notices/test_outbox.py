"""The SQL functions that write notices, in the transaction of what they are about."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database

Execute = Callable[..., list[Any]]
Finish = Callable[..., None]

BRANCH = """
    INSERT INTO suite_summaries (suite, branch, runs) VALUES (%s, %s, 1) RETURNING branch_id
"""
EPISODE = """
    INSERT INTO regression_episodes (branch_id, suite, branch, name, opened_at, opened_run_id, evaluated_at, p_value,
        executions, failures, executions_before, failures_before)
    SELECT branch_id, suite, branch, 'pays', now(), 'r1', now(), 0.003, 10, 5, 100, 1 FROM suite_summaries
"""


@pytest.fixture
def notices(execute: Execute) -> Callable[[], list[tuple[str, Any]]]:
    """Returns kind and run or case of each notice."""
    return lambda: execute("SELECT kind, coalesce(data->>'name', data->>'run_id') FROM outbox ORDER BY id")


def fold(execute: Execute, run_id: str, branch: str = "main", **cases: str) -> None:
    """Finish a run with these cases as the reporter does. A `flaky` case passed on retry."""
    bad = sum(status == "failed" for status in cases.values())
    execute(
        "INSERT INTO test_runs (run_id, suite, branch, status, total, passed, failed, author, started_at, finished_at) "
        "VALUES (%s, 'shop', %s, %s, %s, %s, %s, 'Ann', now(), lock_summaries('none'))",
        *(run_id, branch, "failed" if bad else "passed", len(cases), len(cases) - bad, bad),
    )
    for name, status in cases.items():
        execute(
            "INSERT INTO test_cases (run_id, name, shard, attempt, status, flaky, tries, day) "
            "SELECT run_id, %s, 1, 1, %s, %s, 1, day FROM test_runs WHERE run_id = %s",
            *(name, "passed" if status == "flaky" else status, status == "flaky", run_id),
        )
        if status == "flaky":
            execute(
                "INSERT INTO case_tries (run_id, name, attempt, try, status, day) "
                "SELECT run_id, %s, 1, place, tried, day FROM test_runs, "
                "(VALUES (1, 'failed'), (2, 'passed')) AS t (place, tried) WHERE run_id = %s",
                *(name, run_id),
            )
    assert execute("SELECT fold_run(%s)", run_id) == [(True,)]
    execute("SELECT add_run_notices(%s)", run_id)


def test_a_run_has_one_notice_with_counts_and_new_failures(execute: Execute, notices: Any) -> None:
    fold(execute, "r1", a="passed", b="passed")
    fold(execute, "r2", a="passed", b="failed", c="failed")
    execute("SELECT add_run_notices('r2')")
    ((data,),) = execute("SELECT data FROM outbox WHERE key = 'r2'")
    assert data["failures"] == {"new": 1, "new_case": 1, "known_flaky": 0, "broken": 0, "quarantined": 0}
    assert data["new_failures"] == ["b", "c"]
    assert (data["status"], data["failed"], data["author"], data["branch"]) == ("failed", 2, "Ann", "main")
    assert notices() == [("run.finished", "r1"), ("run.finished", "r2")]


def test_a_verdict_that_is_rolled_back_has_no_notice(database: Database, finish: Finish, notices: Any) -> None:
    """A commit and its notice cannot part."""
    finish("r1")
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO test_runs (run_id, suite, status, finished_at) VALUES ('r2','s','passed',now())"
        )
        connection.execute("SELECT add_run_notices('r2')")
        connection.rollback()
    assert notices() == [("run.finished", "r1")]


@pytest.mark.parametrize("status", ["running", "queued", "cancelled"])
def test_a_run_without_a_verdict_has_no_notice(execute: Execute, notices: Any, status: str) -> None:
    finished = "now()" if status == "cancelled" else "NULL"
    execute(f"INSERT INTO test_runs (run_id, suite, status, finished_at) VALUES ('r1', 's', '{status}', {finished})")
    execute("SELECT add_run_notices('r1')")
    assert notices() == []


def test_a_run_whose_messages_were_all_rejected_has_a_notice(execute: Execute, notices: Any) -> None:
    execute("INSERT INTO test_runs (run_id, status, detail, finished_at) VALUES ('r1', 'errored', 'no suite', now())")
    execute("SELECT add_run_notices('r1')")
    assert notices() == [("run.finished", "r1")]


def test_a_regression_has_a_notice_when_it_opens_closes_and_opens_again(
    execute: Execute, finish: Finish, notices: Any
) -> None:
    ((branch,),) = execute(BRANCH, "shop", "main")
    execute(EPISODE)
    finish("r1")
    finish("r2")  # still open: no news
    execute("UPDATE regression_episodes SET closed_at = now()")
    finish("r3")
    finish("r4")
    execute("UPDATE regression_episodes SET closed_at = NULL")
    execute("SELECT add_regression_notices(%s)", branch)
    found = [notice for notice in notices() if notice[0] != "run.finished"]
    assert found == [("regression.opened", "pays"), ("regression.closed", "pays"), ("regression.opened", "pays")]
    ((data,),) = execute("SELECT data FROM outbox WHERE kind = 'regression.opened' LIMIT 1")
    assert (data["before_rate"], data["after_rate"], data["opened_run_id"]) == (0.99, 0.5, "r1")


def test_housekeeping_reports_a_regression_that_closed_between_runs(execute: Execute, notices: Any) -> None:
    execute(BRANCH, "shop", "main")
    execute(EPISODE)
    execute("SELECT keep_house()")
    execute("UPDATE regression_episodes SET closed_at = now()")
    execute("SELECT keep_house()")
    execute("SELECT keep_house()")
    assert notices()[-1] == ("regression.closed", "pays")
    assert len(notices()) == len(set(notices()))


def test_a_case_that_became_flaky_is_news_once(execute: Execute, notices: Any) -> None:
    for number in range(3):
        fold(execute, f"r{number}", pays="flaky", adds="passed")
    assert [notice for notice in notices() if notice[0] == "case.flaky"] == [("case.flaky", "pays")]
    ((data,),) = execute("SELECT data FROM outbox WHERE kind = 'case.flaky'")
    assert (data["run_id"], data["executions"], data["failures"]) == ("r0", 1, 0)


def test_a_case_that_is_flaky_on_main_is_no_news_on_a_branch(execute: Execute, notices: Any) -> None:
    fold(execute, "r1", pays="flaky")
    execute("DELETE FROM outbox")
    fold(execute, "r2", "feature", pays="flaky", searches="flaky")
    assert notices() == [("run.finished", "r2"), ("case.flaky", "searches")]


@pytest.mark.parametrize(("ends", "expected"), [("2 days", 1), ("4 days", 0), ("-1 hour", 0)])
def test_a_quarantine_has_a_notice_within_three_days_of_its_end(
    execute: Execute, notices: Any, ends: str, expected: int
) -> None:
    execute(
        "INSERT INTO quarantines (suite, name, owner, until, reason, source) "
        "VALUES ('shop', 'pays', 'team-a', now() + %s::interval, 'slow bank', 'command')",
        ends,
    )
    execute("SELECT keep_house()")
    execute("SELECT keep_house()")
    assert notices() == [("quarantine.expiring", "pays")] * expected


def test_a_longer_quarantine_has_a_notice_of_its_own(execute: Execute, notices: Any) -> None:
    for days in (1, 2):
        execute("DELETE FROM quarantines")
        execute(
            "INSERT INTO quarantines (suite, name, owner, until, reason, source) "
            "VALUES ('shop', %s, 'a', now() + make_interval(days => %s), 'r', 'command')",
            *("n" * 2000, days),
        )
        execute("SELECT keep_house()")
    assert len(notices()) == 2
