"""The failing cases of a run, a bounded number of them, each with its meaning and its evidence."""

from collections import defaultdict
from dataclasses import dataclass

from testfleet.database.connection import Connection
from testfleet.results.meaning import Kind
from testfleet.results.runs import CaseStatus


@dataclass(frozen=True, slots=True)
class FailingCase:
    """A bad row of `test_cases` with its row of `run_failures`, whose columns are None if the run was not compared."""

    name: str
    shard: int
    file: str | None
    location: str | None
    status: CaseStatus
    tries: int
    duration_ms: float | None
    error_type: str | None
    message: str | None
    kind: Kind | None
    first_fail_run_id: str | None
    first_fail_commit: str | None
    runs_since: int | None
    last_pass_run_id: str | None
    last_pass_commit: str | None
    cause_id: int | None
    evidence: tuple[str, ...]
    """URIs of traces, screenshots and videos of the case."""


CASES = """
    SELECT c.name, c.shard, c.file, c.location, c.status, c.tries, c.duration_ms, c.error_type,
           coalesce(c.message, left(c.error, 2000)) AS message, f.kind, f.first_fail_run_id, f.first_fail_commit,
           f.runs_since, f.last_pass_run_id, f.last_pass_commit, f.cause_id
    FROM test_cases AS c
    LEFT JOIN run_failures AS f ON f.run_id = c.run_id AND f.name = c.name
    WHERE c.run_id = %(run_id)s AND c.day = (SELECT day FROM test_runs WHERE run_id = %(run_id)s)
      AND c.status IN ('failed', 'errored')
    ORDER BY array_position('{new,new_case,broken,flaky,quarantined}', f.kind), c.file NULLS LAST, c.name
    LIMIT %(limit)s
"""

EVIDENCE = """
    SELECT case_name, s3_uri FROM artifacts
    WHERE run_id = %(run_id)s AND case_name = ANY (%(names)s) AND kind IN ('trace', 'screenshot', 'video')
    ORDER BY case_name, attempt DESC, array_position('{trace,screenshot,video}', kind), s3_uri
"""


def of_run(connection: Connection, run_id: str, *, limit: int = 20) -> tuple[FailingCase, ...]:
    """Return the failing cases of a run: new failures, new cases, broken, flaky and quarantined ones, in this order."""
    rows = connection.rows(CASES, {"run_id": run_id, "limit": limit})
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in connection.rows(EVIDENCE, {"run_id": run_id, "names": [row["name"] for row in rows]}):
        found[file["case_name"]].append(file["s3_uri"])
    return tuple(FailingCase(**row, evidence=tuple(found[row["name"]])) for row in rows)
