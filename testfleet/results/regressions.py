"""Regressions: what fails and passed before, and cases whose pass rate dropped significantly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from testfleet.database.connection import Connection
from testfleet.results.meaning import Kind
from testfleet.results.states import State

Apart: TypeAlias = Kind | Literal["outage"]
"""Why a failure is no regression. `outage`: it began in a run that is an outage."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A case that fails in a run and passed before.

    The defect is in a commit after `last_pass_commit`, up to `first_fail_commit`.
    """

    suite: str
    branch: str
    run_id: str
    name: str
    kind: Kind
    """`new`: it began to fail in this run. `broken`: in an earlier one."""
    first_fail_run_id: str
    first_fail_commit: str | None
    first_fail_author: str | None
    first_fail_at: datetime
    runs_since: int
    """Executions that failed before this run since the case began to fail."""
    last_pass_run_id: str
    last_pass_commit: str | None
    message: str | None
    location: str | None
    cause_id: int | None


@dataclass(frozen=True, slots=True)
class Drop:
    """A significant drop of a case's pass rate that has not ended: a row of the view `open_regressions`."""

    suite: str
    branch: str
    name: str
    opened_at: datetime
    opened_run_id: str | None
    p_value: float
    before_rate: float
    after_rate: float
    executions: int
    failures: int
    executions_before: int
    failures_before: int
    state: State


@dataclass(frozen=True, slots=True)
class Regressions:
    """The regressions of one run, or of the newest run of each suite if `run_id` is None.

    `set_apart` counts the other failures of the run by kind: known flaky cases, new cases, quarantined ones, and those
    that began in an outage.
    """

    run_id: str | None
    failing: tuple[Regression, ...]
    set_apart: Mapping[Apart, int]
    drops: tuple[Drop, ...]


NEWEST = """
    SELECT g.suite, g.branch, g.run_id, g.name, g.kind, g.first_fail_run_id, g.first_fail_commit,
           first.author AS first_fail_author, g.first_fail_at, g.runs_since, g.last_pass_run_id, g.last_pass_commit,
           g.message, g.location, g.cause_id
    FROM regressions AS g
    LEFT JOIN test_runs AS first ON first.run_id = g.first_fail_run_id
    WHERE (%(suite)s::text IS NULL OR g.suite = %(suite)s)
      AND CASE
          WHEN %(branch)s::text IS NULL THEN g.branch = ANY (SELECT unnest(default_branches) FROM analysis_settings)
          ELSE g.branch = %(branch)s
      END
    ORDER BY g.first_fail_at DESC, g.suite, g.name
    LIMIT %(limit)s
"""

OF_RUN = """
    SELECT f.suite, f.branch, f.run_id, f.name, f.kind, f.first_fail_run_id, f.first_fail_commit,
           first.author AS first_fail_author, f.first_fail_at, f.runs_since, f.last_pass_run_id, f.last_pass_commit,
           c.message, c.location, f.cause_id
    FROM run_failures AS f
    JOIN test_runs AS r ON r.run_id = f.run_id AND NOT (r.outage AND f.kind = 'new')
    JOIN test_cases AS c ON c.run_id = f.run_id AND c.name = f.name
        AND c.day = (SELECT day FROM test_runs WHERE run_id = %(run_id)s)
    LEFT JOIN test_runs AS first ON first.run_id = f.first_fail_run_id
    WHERE f.run_id = %(run_id)s AND f.kind IN ('new', 'broken') AND f.last_pass_run_id IS NOT NULL
    ORDER BY f.kind = 'new' DESC, f.first_fail_at DESC, f.name
    LIMIT %(limit)s
"""

# A broken case that never passed is no regression either.
SET_APART = """
    SELECT CASE WHEN r.outage AND f.kind = 'new' THEN 'outage' ELSE f.kind END AS kind, count(*) AS failures
    FROM run_failures AS f JOIN test_runs AS r ON r.run_id = f.run_id
    WHERE f.run_id = %(run_id)s
      AND (f.kind NOT IN ('new', 'broken') OR f.last_pass_run_id IS NULL OR (r.outage AND f.kind = 'new'))
    GROUP BY 1
    ORDER BY 1
"""

DROPS = """
    SELECT suite, branch, name, opened_at, opened_run_id, p_value, before_rate, after_rate, executions, failures,
           executions_before, failures_before, state
    FROM open_regressions
    WHERE (%(suite)s::text IS NULL OR suite = %(suite)s) AND (%(branch)s::text IS NULL OR branch = %(branch)s)
      AND (%(run_id)s::text IS NULL OR opened_run_id = %(run_id)s)
    ORDER BY p_value, suite, name
    LIMIT %(limit)s
"""


def newest(
    connection: Connection, *, suite: str | None = None, branch: str | None = None, limit: int = 20
) -> Regressions:
    """Return the regressions in the newest run of each suite on the branch, or else on its default branches."""
    values = {"suite": suite, "branch": branch, "limit": limit, "run_id": None}
    failing = tuple(Regression(**row) for row in connection.rows(NEWEST, values))
    return Regressions(None, failing, {}, _drops(connection, values))


def of_run(connection: Connection, run_id: str, *, limit: int = 20) -> Regressions:
    """Return the regressions in a run, the new ones first, and the drops that it opened."""
    values = {"run_id": run_id, "suite": None, "branch": None, "limit": limit}
    failing = tuple(Regression(**row) for row in connection.rows(OF_RUN, values))
    set_apart: dict[Apart, int] = {row["kind"]: row["failures"] for row in connection.rows(SET_APART, values)}
    return Regressions(run_id, failing, set_apart, _drops(connection, values))


def _drops(connection: Connection, values: Mapping[str, object]) -> tuple[Drop, ...]:
    return tuple(Drop(**row) for row in connection.rows(DROPS, values))
