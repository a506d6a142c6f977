"""Ends a run: with the verdict of its complete shards, or early."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from handoff.records import Collection, IdSet
from reporter.metrics import FinishedRun
from reporter.results.database import Connection
from reporter.results.final_names import settle_names
from reporter.results.meaning import record_meaning
from reporter.results.quarantine import settle_quarantine
from reporter.results.totals import update_counts
from reporter.results.verdict import ShardVerdict, Verdict, of_run

_COMPLETE = """
SELECT shard, status, detail, collected, collected_digest, selected, selected_digest FROM test_shards
WHERE run_id = $1 AND status IN ('passed', 'failed', 'errored') ORDER BY shard
"""
# p95_ms of a load test is set before the run ends, and stays.
_END_RUN = """
UPDATE test_runs SET
    status = $2, detail = $3, finished_at = $5, p95_ms = coalesce(p95_ms, (
        SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
        FROM test_cases WHERE run_id = $1 AND day = $4 AND status <> 'skipped'))
WHERE run_id = $1 AND finished_at IS NULL
RETURNING run_id, suite, status, passed + failed + errored AS cases, failed + errored AS failed, flaky,
    (SELECT coalesce(sum(attempt - 1), 0)::integer FROM test_shards WHERE run_id = $1) AS retries,
    coalesce(extract(epoch FROM finished_at - started_at), 0)::float AS seconds
"""
_LOCK_SHARDS = "SELECT FROM test_shards WHERE run_id = $1 ORDER BY shard FOR NO KEY UPDATE"
# A shard that is no longer `running` fails its pod's fence, so this stops every writer of the run.
_STOP_SHARDS = """
UPDATE test_shards AS shard SET
    status = 'interrupted', lease_until = NULL, finished_at = clock_timestamp(), detail = $2,
    cases = (SELECT count(*) FROM test_cases AS seen
             WHERE seen.run_id = $1 AND seen.day = $3 AND seen.shard = shard.shard AND seen.attempt = shard.attempt)
WHERE run_id = $1 AND status = 'running'
"""
_END_RUN_EARLY = """
UPDATE test_runs SET status = $2, detail = $3, finished_at = $4 WHERE run_id = $1 AND finished_at IS NULL
"""
# Runs of a suite end one after the other, so that a rebuild folds them in the same order.
_LOCK_SUMMARIES = "SELECT lock_summaries($1)"


async def end_if_complete(
    connection: Connection,
    run_id: str,
    day: date,
    expected: int,
    p95_ms: float | None,
    *,
    unclaimed: Sequence[ShardVerdict] = (),
) -> FinishedRun | None:
    """Update the counts of a run, and end it if all `expected` shards are complete. Return the run if it ended.

    `day` is that of the run, which the caller's transaction has locked. `unclaimed` are the verdicts of shards without
    a row.
    """
    complete = await _complete(connection, run_id)
    ran = await update_counts(connection, run_id, day, done=len(complete), p95_ms=p95_ms)
    if len(complete) + len(unclaimed) < expected:
        return None
    await settle_names(connection, run_id, day)
    quarantine = await settle_quarantine(connection, run_id, day)
    if quarantine.shard_failed:
        complete = await _complete(connection, run_id)
    shards = sorted([*complete, *unclaimed], key=lambda one: one.shard)
    verdict = of_run(expected, shards, ran=ran, quarantined=quarantine.covered)
    if verdict is None:
        return None
    end = await connection.fetchval(_LOCK_SUMMARIES, run_id)
    ended = await connection.fetchrow(_END_RUN, run_id, verdict.status, verdict.detail, day, end)
    await record_meaning(connection, run_id, day)
    return FinishedRun(**dict(ended)) if ended else None


async def _complete(connection: Connection, run_id: str) -> list[ShardVerdict]:
    return [
        ShardVerdict(row["shard"], Verdict(row["status"], row["detail"]), _collection(dict(row)))
        for row in await connection.fetch(_COMPLETE, run_id)
    ]


async def end_early(connection: Connection, run_id: str, day: date, *, status: Literal["errored"], detail: str) -> None:
    """End a run before all its shards are complete: set its verdict and counts, and interrupt its running shards.

    No row of the run changes afterwards. The caller's transaction has locked the run: every transaction locks the run
    before its shards.
    """
    await connection.execute(_LOCK_SHARDS, run_id)  # waits for a pod that is writing, so that its cases count
    await connection.execute(_STOP_SHARDS, run_id, f"the run was ended: {detail}", day)
    await settle_names(connection, run_id, day)
    await settle_quarantine(connection, run_id, day)
    await update_counts(connection, run_id, day)
    end = await connection.fetchval(_LOCK_SUMMARIES, run_id)
    await connection.execute(_END_RUN_EARLY, run_id, status, detail, end)
    await record_meaning(connection, run_id, day)


def _collection(row: Mapping[str, Any]) -> Collection | None:
    if row["collected"] is None:
        return None
    return Collection(
        collected=IdSet(count=row["collected"], digest=row["collected_digest"]),
        selected=IdSet(count=row["selected"], digest=row["selected_digest"]),
    )
