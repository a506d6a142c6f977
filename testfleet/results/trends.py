"""Trends of a suite on a branch: pass rate, duration, fleet time, and cases that became slower."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from testfleet.database.connection import Connection
from testfleet.errors import Refused
from testfleet.output.blocks import clean_line

MAX_SUITES = 5
"""Maximum number of suites that an error lists."""


@dataclass(frozen=True, slots=True)
class SuiteDay:
    """A row of the view `suite_days`. Rates are shares between 0 and 1; errored runs are apart."""

    day: date
    runs: int
    passed: int
    failed: int
    errored: int
    pass_rate: float | None
    case_pass_rate: float | None
    p50_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class SuiteChange:
    """A row of the view `suite_changes`: the last 7 days beside the 30 before."""

    runs: int
    runs_before: int
    errored: int
    errored_before: int
    pass_rate: float | None
    pass_rate_before: float | None
    p50_seconds: float | None
    p50_seconds_before: float | None
    p50_change: float | None
    p95_seconds: float | None
    p95_seconds_before: float | None
    p95_change: float | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the runs of the last 7 days took of the fleet."""

    runs: int
    queue_seconds: float | None
    """Mean wait until the first shard of a run was claimed."""
    imbalance: float | None
    """Mean of the slowest shard's duration as a multiple of the mean shard's."""
    attempts: int
    repeated_shards: int
    pod_seconds: float | None
    cost: float | None
    """In the currency of `analysis_settings`; None if that of a run is unknown."""
    currency: str


@dataclass(frozen=True, slots=True)
class SlowCase:
    """A row of the view `slow_cases`."""

    name: str
    file: str | None
    median_ms: float
    median_ms_before: float
    ratio: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Trends:
    """The trends of a suite on one branch. `days` has the newest day first and no day without a run."""

    suite: str
    branch: str
    change: SuiteChange | None
    fleet: Fleet
    days: tuple[SuiteDay, ...]
    slow: tuple[SlowCase, ...]


# The first default branch that the suite has, or else the branch with the newest run.
BRANCH = """
    SELECT s.branch
    FROM suite_summaries AS s CROSS JOIN analysis_settings AS a
    WHERE s.suite = %(suite)s AND (%(branch)s::text IS NULL OR s.branch = %(branch)s)
    ORDER BY array_position(a.default_branches, s.branch) NULLS LAST, s.last_finished_at DESC
    LIMIT 1
"""

SUITES = "SELECT DISTINCT suite FROM suite_summaries ORDER BY suite LIMIT %(limit)s"

DAYS = """
    SELECT day, runs, passed, failed, errored, pass_rate, case_pass_rate, p50_seconds, p95_seconds
    FROM suite_days
    WHERE suite = %(suite)s AND branch = %(branch)s AND day > (now() AT TIME ZONE 'UTC')::date - %(days)s
    ORDER BY day DESC
"""

CHANGE = """
    SELECT runs, runs_before, errored, errored_before, pass_rate, pass_rate_before, p50_seconds, p50_seconds_before,
           p50_change, p95_seconds, p95_seconds_before, p95_change
    FROM suite_changes WHERE suite = %(suite)s AND branch = %(branch)s
"""

FLEET = """
    SELECT count(*) AS runs, avg(f.queue_seconds)::double precision AS queue_seconds,
           avg(f.imbalance)::double precision AS imbalance, coalesce(sum(f.attempts), 0)::bigint AS attempts,
           coalesce(sum(f.repeated_shards), 0)::bigint AS repeated_shards,
           sum(f.fleet_minutes)::double precision * 60 AS pod_seconds,
           CASE WHEN bool_and(f.cost IS NOT NULL) THEN sum(f.cost)::double precision END AS cost,
           (SELECT currency FROM analysis_settings) AS currency
    FROM run_fleet AS f
    WHERE f.suite = %(suite)s AND coalesce(f.branch, '') = %(branch)s
      AND f.started_at > now() - interval '7 days' AND f.finished_at IS NOT NULL
"""

SLOW = """
    SELECT name, file, median_ms, median_ms_before, ratio, p_value
    FROM slow_cases
    WHERE suite = %(suite)s AND branch = %(branch)s
    ORDER BY median_ms - median_ms_before DESC, name
    LIMIT %(limit)s
"""


def of_suite(
    connection: Connection, suite: str, *, branch: str | None = None, days: int = 14, limit: int = 20
) -> Trends:
    """Return the trends of a suite on the branch, or else on its first default branch.

    Raises:
        Refused: no finished run has this suite and branch; the error lists suites.
    """
    values: dict[str, Any] = {"suite": suite, "branch": branch, "days": days, "limit": limit}
    chosen = connection.rows(BRANCH, values)
    if not chosen:
        raise Refused(_unknown(connection, suite, branch))
    values["branch"] = chosen[0]["branch"]
    change = connection.rows(CHANGE, values)
    return Trends(
        suite,
        values["branch"],
        SuiteChange(**change[0]) if change else None,
        Fleet(**connection.rows(FLEET, values)[0]),
        tuple(SuiteDay(**row) for row in connection.rows(DAYS, values)),
        tuple(SlowCase(**row) for row in connection.rows(SLOW, values)),
    )


def _unknown(connection: Connection, suite: str, branch: str | None) -> str:
    known = [clean_line(row["suite"])[:100] for row in connection.rows(SUITES, {"limit": MAX_SUITES + 1})]
    on_branch = f" on the branch {clean_line(branch)[:100]}" if branch is not None else ""
    listed = ", ".join(known[:MAX_SUITES]) + (", …" if len(known) > MAX_SUITES else "")
    suites = f"; suites: {listed}" if listed else ""
    return f"SUITE: the database has no finished run of the suite {clean_line(suite)[:100]}{on_branch}{suites}"
