"""Ends abandoned shards and their runs, one run per transaction, with the verdict that a commit would give."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial

from reporter.metrics import FinishedRun
from reporter.results.abandonment import Abandoned, QueueEvidence, ShardState, abandoned
from reporter.results.database import Connection, Database
from reporter.results.run_end import end_if_complete
from reporter.results.verdict import ShardVerdict, Verdict
from runtime.text import storable

_CANDIDATES = """
SELECT run_id FROM test_runs
WHERE finished_at IS NULL AND coalesce(started_at, queued_at) < clock_timestamp() - make_interval(secs => $1)
ORDER BY run_id
"""
# SKIP LOCKED: if the row is locked, a pod claims or commits, and the run is not abandoned.
_LOCK_RUN = """
SELECT shards, day, extract(epoch FROM clock_timestamp() - greatest(queued_at, started_at))::float AS quiet
FROM test_runs WHERE run_id = $1 AND finished_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
"""
_LOCK_SHARDS = """
SELECT shard, status, attempt, worker, exit_code,
    extract(epoch FROM clock_timestamp() - coalesce(lease_until, finished_at, started_at))::float AS quiet
FROM test_shards WHERE run_id = $1 ORDER BY shard FOR NO KEY UPDATE
"""
_ABANDON = """
UPDATE test_shards AS held SET
    status = 'errored', outcome = 'abandoned', detail = $3, lease_until = NULL, finished_at = clock_timestamp(),
    -- The pod was gone at the end of its lease, long before this sweep.
    earlier_seconds = earlier_seconds + greatest(0, extract(
        epoch FROM coalesce(finished_at, lease_until, started_at) - started_at)),
    cases = (SELECT count(*) FROM test_cases AS c
             WHERE c.run_id = $1 AND c.day = $4 AND c.shard = $2 AND c.attempt = held.attempt)
WHERE run_id = $1 AND shard = $2
"""


@dataclass(frozen=True, slots=True)
class Swept:
    """The changes of a sweep in one run. `verdict` is None while the run waits for other shards."""

    run_id: str
    shards: tuple[Abandoned, ...]
    verdict: FinishedRun | None


async def sweep(database: Database, evidence: QueueEvidence) -> AsyncGenerator[Swept, None]:
    """End the abandoned shards of every unfinished run and the runs that this completes. Yield each changed run.

    A shard whose lease has not expired is never changed.

    Raises:
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; the shards of earlier runs stay ended.
    """
    for run_id in await database.run(partial(_candidates, evidence.older_than)):
        swept = await database.run(partial(_sweep_run, run_id, evidence))
        if swept is not None:
            yield swept


async def _candidates(older_than: float, connection: Connection) -> list[str]:
    return [row["run_id"] for row in await connection.fetch(_CANDIDATES, older_than)]


async def _sweep_run(run_id: str, evidence: QueueEvidence, connection: Connection) -> Swept | None:
    run = await connection.fetchrow(_LOCK_RUN, run_id)
    if run is None or run["shards"] is None:
        return None
    shards = [ShardState(**dict(row)) for row in await connection.fetch(_LOCK_SHARDS, run_id)]
    gone = abandoned(run_id, run["shards"], shards, evidence, run_quiet=run["quiet"])
    unclaimed = [ShardVerdict(one.shard, Verdict("errored", one.detail)) for one in gone if not one.attempted]
    claimed = [one for one in gone if one.attempted]
    waiting = run["shards"] - sum(row.status in {"passed", "failed", "errored"} for row in shards) - len(gone)
    if not claimed and (waiting or not unclaimed):
        return None
    for one in claimed:
        await connection.execute(_ABANDON, run_id, one.shard, storable(one.detail), run["day"])
    verdict = await end_if_complete(connection, run_id, run["day"], run["shards"], None, unclaimed=unclaimed)
    return Swept(run_id, gone if verdict else tuple(claimed), verdict)
