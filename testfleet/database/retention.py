"""Drops old cases by whole months, old runs, and summaries of branches that have no recent run."""

from dataclasses import dataclass
from datetime import date, timedelta

from testfleet.database.connection import Database
from testfleet.database.maintenance import Maintenance, maintenance

RUNS_AT_ONCE = 500
"""Runs that one transaction deletes, with their shards, artifacts and failures."""

_TODAY = "SELECT (now() AT TIME ZONE 'UTC')::date AS today"
_ENSURE = "SELECT ensure_partitions()"
_MONTHS = """
SELECT until, sum(greatest(estimated_rows, 0))::bigint AS rows, sum(bytes)::bigint AS bytes
FROM case_months WHERE until <= %(before)s GROUP BY until ORDER BY until
"""
_DROP = "SELECT drop_cases(%(before)s)"
_RUNS = "SELECT count(*) AS runs FROM test_runs WHERE day < %(before)s AND finished_at IS NOT NULL"
_DELETE_RUNS = """
DELETE FROM test_runs WHERE run_id IN (
    SELECT run_id FROM test_runs WHERE day < %(before)s AND finished_at IS NOT NULL ORDER BY run_id LIMIT %(at_once)s
) RETURNING run_id
"""
# A pull request's branch keeps a summary of each case that ran there.
_BRANCHES = """
SELECT suite, branch, branch_id FROM suite_summaries, analysis_settings
WHERE last_finished_at < %(before)s AND branch <> ALL (default_branches) ORDER BY suite, branch
"""
_DELETE_BRANCH = "SELECT forget_branch(%(branch_id)s, %(before)s)"


@dataclass(frozen=True, slots=True)
class Month:
    """The cases of a month: the day after its last one, the estimated number of rows, and their bytes on disk."""

    until: date
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Old:
    """What a retention drops: months of cases, the number of runs, and branches as (suite, branch)."""

    cases_before: date
    runs_before: date
    months: tuple[Month, ...]
    runs: int
    branches: tuple[tuple[str, str], ...]


def retain(database: Database, *, cases_days: int, runs_days: int, dry_run: bool) -> Old:
    """Drop what is older, and return it. A dry run drops nothing.

    A month of cases is dropped as soon as its last day is older than `cases_days`. The totals, the failures and the
    summaries of its runs stay. Runs without a verdict are never deleted.

    Raises:
        Unavailable, BadSetting: as `Database.open`. What was dropped before stays dropped.
    """
    with maintenance(database) as connection:
        today: date = connection.rows(_TODAY)[0]["today"]
        cases_before, runs_before = today - timedelta(days=cases_days), today - timedelta(days=runs_days)
        if not dry_run:
            connection.rows(_ENSURE)
        old = _find(connection, cases_before, runs_before)
        if not dry_run:
            _drop(connection, old)
        return old


def _find(connection: Maintenance, cases_before: date, runs_before: date) -> Old:
    branches = connection.rows(_BRANCHES, {"before": cases_before})
    return Old(
        cases_before,
        runs_before,
        tuple(Month(**row) for row in connection.rows(_MONTHS, {"before": cases_before})),
        connection.rows(_RUNS, {"before": runs_before})[0]["runs"],
        tuple((row["suite"], row["branch"]) for row in branches),
    )


def _drop(connection: Maintenance, old: Old) -> None:
    for month in old.months:
        connection.rows(_DROP, {"before": month.until})
    for row in connection.rows(_BRANCHES, {"before": old.cases_before}):
        connection.rows(_DELETE_BRANCH, {"branch_id": row["branch_id"], "before": old.cases_before})
    while connection.rows(_DELETE_RUNS, {"before": old.runs_before, "at_once": RUNS_AT_ONCE}):
        pass
