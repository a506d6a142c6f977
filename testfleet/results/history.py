"""The last executions of one case."""

from dataclasses import dataclass
from datetime import datetime

from testfleet.database.connection import Connection
from testfleet.results import states
from testfleet.results.meaning import Kind
from testfleet.results.references import CaseReference
from testfleet.results.runs import CaseStatus, RunStatus
from testfleet.results.states import CaseState

LOOKED_AT = 10
"""Runs of the suite that are searched for each execution that is wanted: a case need not be in every run."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A row of `test_cases` with its run. `kind` is that of `run_failures`: None if the case did not fail."""

    run_id: str
    started_at: datetime | None
    branch: str | None
    commit: str | None
    author: str | None
    run_status: RunStatus
    status: CaseStatus
    flaky: bool
    tries: int
    duration_ms: float | None
    kind: Kind | None
    message: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case, its state on the branch, and its last executions, the newest first."""

    suite: str
    branch: str
    name: str
    state: CaseState | None
    executions: tuple[Execution, ...]


# The index of the suite gives the newest runs, and the primary key the case in each of them.
EXECUTIONS = """
    SELECT r.run_id, r.started_at, r.branch, r.commit, r.author, r.status AS run_status, c.status, c.flaky, c.tries,
           c.duration_ms, f.kind, c.message, c.location
    FROM (
        SELECT run_id, day, started_at, branch, commit, author, status FROM test_runs
        WHERE suite = %(suite)s AND started_at IS NOT NULL AND (%(branch)s::text IS NULL OR branch = %(branch)s)
        ORDER BY started_at DESC
        LIMIT %(looked_at)s
    ) AS r
    CROSS JOIN LATERAL (
        SELECT status, flaky, tries, duration_ms, message, location FROM test_cases
        WHERE day = r.day AND run_id = r.run_id AND name = %(name)s
    ) AS c
    LEFT JOIN run_failures AS f ON f.run_id = r.run_id AND f.name = %(name)s
    ORDER BY r.started_at DESC, r.run_id DESC
    LIMIT %(limit)s
"""


def of_case(connection: Connection, case: CaseReference, *, branch: str | None = None, limit: int = 20) -> CaseHistory:
    """Return the state of the case and its last executions among the last `10 * limit` runs of its suite.

    Without a branch, the executions are those of all branches, and the state is that of the branch of the reference.
    """
    values = {"suite": case.suite, "name": case.name, "branch": branch, "limit": limit}
    rows = connection.rows(EXECUTIONS, values | {"looked_at": limit * LOOKED_AT})
    state = states.of_case(connection, case.suite, case.branch, case.name)
    return CaseHistory(case.suite, case.branch, case.name, state, tuple(Execution(**row) for row in rows))
