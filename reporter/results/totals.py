"""The counts of a run over the cases of all its shards."""

from datetime import date

from reporter.results.database import Connection

_COUNT = """
UPDATE test_runs SET
    shards_done = coalesce($2, shards_done), p95_ms = greatest(p95_ms, $3), total = counted.total,
    passed = counted.passed, failed = counted.failed, errored = counted.errored, skipped = counted.skipped,
    flaky = counted.flaky
FROM (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'passed') AS passed, count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'errored') AS errored, count(*) FILTER (WHERE status = 'skipped') AS skipped,
           count(*) FILTER (WHERE flaky) AS flaky
    FROM test_cases WHERE run_id = $1 AND day = $4
) AS counted
WHERE run_id = $1
RETURNING test_runs.passed + test_runs.failed + test_runs.errored AS ran
"""


async def update_counts(
    connection: Connection, run_id: str, day: date, *, done: int | None = None, p95_ms: float | None = None
) -> int:
    """Write the counts of the run. Return the number of cases that ran; skipped cases did not run.

    `done` is the number of complete shards, unchanged by default. The greater `p95_ms` wins, in milliseconds.
    """
    ran: int = await connection.fetchval(_COUNT, run_id, done, p95_ms, day)
    return ran
