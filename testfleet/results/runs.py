"""Reads runs from the tables, as frozen values whose fields are named like the columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from testfleet.database.connection import Connection
from testfleet.results.costs import RunCost
from testfleet.results.costs import of_run as cost_of
from testfleet.results.failures import of_run as known_failures
from testfleet.results.meaning import Failure, RunMeaning
from testfleet.results.meaning import of as meaning_of

RunStatus = Literal["queued", "running", "passed", "failed", "errored", "cancelled"]
ShardStatus = Literal["running", "passed", "failed", "errored", "interrupted", "cancelled"]
CaseStatus = Literal["passed", "failed", "errored", "skipped"]

FINISHED: frozenset[RunStatus] = frozenset({"passed", "failed", "errored", "cancelled"})


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of `test_runs`. The counts of an unfinished run are those of its cases so far."""

    run_id: str
    suite: str | None
    commit: str | None
    branch: str | None
    target_url: str | None
    trigger: str | None
    status: RunStatus
    detail: str | None
    shards: int | None
    shards_done: int
    total: int
    passed: int
    failed: int
    errored: int
    skipped: int
    flaky: int
    p95_ms: float | None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    pull_request: str | None
    parent_commit: str | None
    author: str | None
    ci_url: str | None
    environment: str | None
    image_digest: str | None
    tools: Mapping[str, str] | None
    expected_cases: int | None
    """The usual number of cases when the run ended. None without a history."""
    incomplete: bool
    """Whether a finished run has too small a share of its usual cases (view `run_completeness`)."""

    @property
    def finished(self) -> bool:
        """Whether the status is final."""
        return self.status in FINISHED


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A row of `test_shards`, without the columns of the lease."""

    shard: int
    attempt: int
    status: ShardStatus
    worker: str
    exit_code: int | None
    outcome: str | None
    detail: str | None
    cases: int
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row of `test_cases`. A flaky case has the message of its first failed try."""

    name: str
    shard: int
    attempt: int
    file: str | None
    status: CaseStatus
    flaky: bool
    tries: int
    duration_ms: float | None
    error: str | None
    error_type: str | None
    fingerprint: str | None
    message: str | None
    location: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A row of `artifacts`."""

    s3_uri: str
    shard: int
    attempt: int
    case_name: str | None
    kind: str
    bytes: int
    content_type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with its shards, its failing and flaky cases, and its artifacts.

    `failures` and `meaning` compare the failing cases with earlier runs. They are None if the run was not compared.
    """

    run: RunRow
    shards: tuple[ShardRow, ...]
    cases: tuple[CaseRow, ...]
    artifacts: tuple[ArtifactRow, ...]
    failures: tuple[Failure, ...] | None = None
    meaning: RunMeaning | None = None
    cost: RunCost | None = None

    @property
    def failing(self) -> tuple[CaseRow, ...]:
        return tuple(case for case in self.cases if case.status in {"failed", "errored"})

    @property
    def flaky(self) -> tuple[CaseRow, ...]:
        return tuple(case for case in self.cases if case.flaky)


_COLUMNS = """
    r.run_id, r.suite, r.commit, r.branch, r.target_url, r.trigger, r.status, r.detail, r.shards, r.shards_done,
    r.total, r.passed, r.failed, r.errored, r.skipped, r.flaky, r.p95_ms, r.queued_at, r.started_at, r.finished_at,
    r.pull_request, r.parent_commit, r.author, r.ci_url, r.environment, r.image_digest, r.tools, r.expected_cases,
    (SELECT c.incomplete FROM run_completeness AS c WHERE c.run_id = r.run_id) AS incomplete
"""

LIST = f"""
    SELECT {_COLUMNS} FROM test_runs r
    WHERE (%(suite)s::text IS NULL OR r.suite = %(suite)s)
      AND (%(branch)s::text IS NULL OR r.branch = %(branch)s)
      AND (%(status)s::text IS NULL OR r.status = %(status)s)
    ORDER BY coalesce(r.started_at, r.queued_at) DESC NULLS LAST, r.run_id DESC
    LIMIT %(limit)s
"""  # noqa: S608  # the inserted text is the constant above

ONE = f"SELECT {_COLUMNS} FROM test_runs r WHERE r.run_id = %(run_id)s"  # noqa: S608  # as above

LIVE = """
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'passed') AS passed,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'errored') AS errored,
           count(*) FILTER (WHERE status = 'skipped') AS skipped,
           count(*) FILTER (WHERE flaky) AS flaky
    FROM test_cases WHERE run_id = %(run_id)s
"""

SHARDS = """
    SELECT shard, attempt, status, worker, exit_code, outcome, detail, cases, started_at, finished_at
    FROM test_shards WHERE run_id = %(run_id)s ORDER BY shard
"""

CASES = """
    SELECT c.name, c.shard, c.attempt, c.file, c.status, c.flaky, c.tries, c.duration_ms, c.error, c.error_type,
           c.fingerprint, coalesce(c.message, CASE WHEN c.flaky THEN tried.message END) AS message, c.location,
           c.started_at, c.finished_at
    FROM test_cases AS c
    LEFT JOIN LATERAL (
        SELECT t.message FROM case_tries AS t
        WHERE t.run_id = c.run_id AND t.name = c.name AND t.attempt = c.attempt AND t.message IS NOT NULL
        ORDER BY t.try LIMIT 1
    ) AS tried ON true
    WHERE c.run_id = %(run_id)s AND (c.flaky OR c.status IN ('failed', 'errored'))
    ORDER BY c.file NULLS LAST, c.name
"""

ARTIFACTS = """
    SELECT s3_uri, shard, attempt, case_name, kind, bytes, content_type, created_at
    FROM artifacts WHERE run_id = %(run_id)s ORDER BY shard, attempt, s3_uri
"""


def find(
    connection: Connection,
    *,
    suite: str | None = None,
    branch: str | None = None,
    status: RunStatus | None = None,
    limit: int = 20,
) -> tuple[RunRow, ...]:
    """Return the runs that match, the newest first."""
    values = {"suite": suite, "branch": branch, "status": status, "limit": limit}
    return tuple(RunRow(**row) for row in connection.rows(LIST, values))


def get(connection: Connection, run_id: str) -> RunRow | None:
    """Return a run, or None if the database has no row. An unfinished run has the counts of its cases so far."""
    found = _rows(connection, ONE, run_id)
    if not found:
        return None
    live = {} if found[0]["finished_at"] else _rows(connection, LIVE, run_id)[0]
    return RunRow(**(found[0] | live))


def shards(connection: Connection, run_id: str) -> tuple[ShardRow, ...]:
    """Return the shards that were claimed at least once."""
    return tuple(ShardRow(**row) for row in _rows(connection, SHARDS, run_id))


def detail(connection: Connection, run_id: str) -> RunDetail | None:
    """Return a run with its shards, cases and artifacts, or None if the database has no row."""
    run = get(connection, run_id)
    if run is None:
        return None
    known = known_failures(connection, run_id) if run.finished else None
    return RunDetail(
        run,
        shards(connection, run_id),
        tuple(CaseRow(**row) for row in _rows(connection, CASES, run_id)),
        tuple(ArtifactRow(**row) for row in _rows(connection, ARTIFACTS, run_id)),
        known,
        None if known is None else meaning_of(known),
        cost_of(connection, run_id),
    )


def _rows(connection: Connection, sql: str, run_id: str) -> Sequence[dict[str, Any]]:
    return connection.rows(sql, {"run_id": run_id})
