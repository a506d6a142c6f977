"""Reads the report of one run from the tables."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from testfleet.database.connection import Connection
from testfleet.report.run_report import Case, File, RunFacts, RunReport, Shard, Try
from testfleet.results.meaning import Failure

RUN = """
    SELECT run_id, suite, status, detail, commit, branch, pull_request, author, ci_url, environment, target_url,
           shards, shards_done, total, passed, failed, errored, skipped, flaky, queued_at, started_at, finished_at
    FROM test_runs WHERE run_id = %(run_id)s
"""

SHARDS = """
    SELECT shard, status, attempt, cases, worker, detail FROM test_shards WHERE run_id = %(run_id)s ORDER BY shard
"""

CASES = """
    SELECT name, shard, attempt, file, status, flaky, duration_ms, message, error, error_type, location, fingerprint,
           started_at, finished_at
    FROM test_cases
    WHERE run_id = %(run_id)s AND day = (SELECT day FROM test_runs WHERE run_id = %(run_id)s)
    ORDER BY status NOT IN ('failed', 'errored'), file NULLS LAST, name
"""

TRIES = """
    SELECT t.name, t.status, t.duration_ms, t.message, t.error
    FROM case_tries AS t JOIN test_cases AS c USING (run_id, day, name, attempt)
    WHERE t.run_id = %(run_id)s AND t.day = (SELECT day FROM test_runs WHERE run_id = %(run_id)s)
    ORDER BY t.name, t.try
"""

FILES = """
    SELECT case_name, attempt, kind, s3_uri, bytes, content_type
    FROM artifacts WHERE run_id = %(run_id)s AND case_name IS NOT NULL ORDER BY s3_uri
"""

FAILURES = """
    SELECT f.name, f.kind, coalesce(f.quarantined, false) AS quarantined, f.cause_id, f.first_fail_run_id,
           f.first_fail_commit, first.author AS first_fail_author, f.first_fail_at, f.runs_since,
           f.last_pass_run_id, f.last_pass_commit
    FROM run_failures AS f LEFT JOIN test_runs AS first ON first.run_id = f.first_fail_run_id
    WHERE f.run_id = %(run_id)s
"""


def read(connection: Connection, run_id: str, *, run_url: str | None = None) -> RunReport | None:
    """Return the report of a run, or None if the database has no row.

    `run_url` is the address of a run's page, with `{run_id}` in place of its id.
    """
    which = {"run_id": run_id}
    found = connection.rows(RUN, which)
    if not found:
        return None
    meanings = {failure.name: failure for failure in failures(connection, run_id)}
    tries: defaultdict[str, list[Try]] = defaultdict(list)
    for row in connection.rows(TRIES, which):
        tries[row.pop("name")].append(Try(**row))
    files: defaultdict[tuple[str, int], list[File]] = defaultdict(list)
    for row in connection.rows(FILES, which):
        files[row.pop("case_name"), row.pop("attempt")].append(File(**row))

    def case(row: dict[str, Any]) -> Case:
        name = row["name"]
        return Case(
            **row,
            tries=tuple(tries.get(name, ())),
            files=tuple(files.get((name, row["attempt"]), ())),
            failure=meanings.get(name),
        )

    run = RunFacts(**found[0])
    cases = tuple(case(row) for row in connection.rows(CASES, which))
    return RunReport(
        run if run.finished_at else _counted(run, cases),
        tuple(Shard(**row) for row in connection.rows(SHARDS, which)),
        cases,
        link=page(run_url, run_id),
    )


def failures(connection: Connection, run_id: str) -> tuple[Failure, ...]:
    """Return what each failure of a run means; nothing before its verdict."""
    return tuple(Failure(**row) for row in connection.rows(FAILURES, {"run_id": run_id}))


def _counted(run: RunFacts, cases: Sequence[Case]) -> RunFacts:
    """Return the run with the counts of its cases so far. The row has those of its complete shards only."""
    statuses = Counter(case.status for case in cases)
    return replace(
        run,
        total=len(cases),
        passed=statuses["passed"],
        failed=statuses["failed"],
        errored=statuses["errored"],
        skipped=statuses["skipped"],
        flaky=sum(case.flaky for case in cases),
    )


def page(run_url: str | None, run_id: str) -> str | None:
    """Return the address of the run's page."""
    return run_url.replace("{run_id}", quote(run_id, safe="")) if run_url else None
