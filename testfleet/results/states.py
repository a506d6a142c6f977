"""The state of cases: broken, flaky or healthy, and which detectors found it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from testfleet.database.connection import Connection

State = Literal["broken", "flaky", "healthy"]
Detector = Literal["retry", "mixed_commit", "flips", "posterior"]


@dataclass(frozen=True, slots=True)
class CaseState:
    """A row of the view `case_states`. `branch` is empty for runs without a branch."""

    suite: str
    branch: str
    name: str
    file: str | None
    state: State
    reasons: tuple[Detector, ...]
    """The detectors that found the case flaky in the last 7 days."""
    posterior: float
    """Probability of a failure without a cause in the code, from the last ten executions."""
    flips: int
    """Changes between good and bad in the last twenty executions."""
    retried_runs: int
    """Runs among the last fifty executions in which the case passed after a failed try."""
    executions: int
    failures: int
    streak: int
    """Failures in a row up to the last execution."""
    runs_blocked: int
    """Runs of the last 30 days, on any branch, in which the case failed as a known flaky one."""
    minutes_lost: float
    """Minutes of these runs, each shared among its failures."""
    last_flaky_at: datetime | None
    p50_ms: float | None
    p95_ms: float | None
    last_run_id: str | None
    last_seen_at: datetime | None
    last_pass_run_id: str | None
    last_pass_commit: str | None
    last_pass_at: datetime | None
    first_fail_run_id: str | None
    first_fail_commit: str | None
    first_fail_at: datetime | None
    first_fail_author: str | None
    owner: str | None
    cause_id: int | None
    outcomes: str
    """The last fifty executions, oldest first: p passed, r passed on retry, f failed, e errored, o in an outage."""


_COLUMNS = """
    suite, branch, name, file, state, reasons, posterior, flips, retried_runs, executions, failures, streak,
    runs_blocked, minutes_lost, last_flaky_at, p50_ms, p95_ms, last_run_id, last_seen_at, last_pass_run_id,
    last_pass_commit, last_pass_at, first_fail_run_id, first_fail_commit, first_fail_at, first_fail_author, owner,
    cause_id, outcomes
"""

# Without a branch, a case that is flaky on several has the row of a default one, or else of the last one. The cases are
# ranked first, so that the other columns are computed for those of the answer only.
FLAKY = f"""
    WITH found AS (
        SELECT DISTINCT ON (suite, name) suite, branch, name, runs_blocked, minutes_lost FROM flaky_cases
        WHERE (%(suite)s::text IS NULL OR suite = %(suite)s) AND (%(branch)s::text IS NULL OR branch = %(branch)s)
        ORDER BY suite, name, branch = ANY (SELECT unnest(default_branches) FROM analysis_settings) DESC,
            last_flaky_at DESC
    ), ranked AS MATERIALIZED (
        SELECT suite, branch, name FROM found ORDER BY runs_blocked DESC, minutes_lost DESC, suite, name LIMIT %(limit)s
    )
    SELECT {_COLUMNS} FROM ranked JOIN case_states USING (suite, branch, name)
    ORDER BY runs_blocked DESC, minutes_lost DESC, suite, name
"""  # noqa: S608  # the inserted text is the constant above

BROKEN = f"""
    SELECT {_COLUMNS} FROM case_states
    WHERE streak > 0 AND state = 'broken' AND (%(suite)s::text IS NULL OR suite = %(suite)s)
      AND CASE
          WHEN %(branch)s::text IS NULL THEN branch = ANY (SELECT unnest(default_branches) FROM analysis_settings)
          ELSE branch = %(branch)s
      END
    ORDER BY first_fail_at, suite, name
    LIMIT %(limit)s
"""  # noqa: S608  # as above

ONE = f"""
    SELECT {_COLUMNS} FROM case_states
    WHERE suite = %(suite)s AND branch = %(branch)s AND name = %(name)s
"""  # noqa: S608  # as above


def flaky(
    connection: Connection, *, suite: str | None = None, branch: str | None = None, limit: int = 20
) -> tuple[CaseState, ...]:
    """Return the cases that are flaky now. Those that blocked most runs come first, then those that cost most time."""
    return _states(connection.rows(FLAKY, {"suite": suite, "branch": branch, "limit": limit}))


def broken(
    connection: Connection, *, suite: str | None = None, branch: str | None = None, limit: int = 20
) -> tuple[CaseState, ...]:
    """Return the cases that are broken now, the longest first. Without a branch, those of the default branches."""
    return _states(connection.rows(BROKEN, {"suite": suite, "branch": branch, "limit": limit}))


def of_case(connection: Connection, suite: str, branch: str, name: str) -> CaseState | None:
    """Return the state of one case, or None if no finished run on the branch has it."""
    found = _states(connection.rows(ONE, {"suite": suite, "branch": branch, "name": name}))
    return found[0] if found else None


def _states(rows: Sequence[dict[str, object]]) -> tuple[CaseState, ...]:
    return tuple(CaseState(**(row | {"reasons": tuple(row["reasons"])})) for row in rows)  # type: ignore[arg-type]  # columns
