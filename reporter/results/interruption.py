"""Ends an attempt whose suite did not finish. Its rows stay, and its lease is released for the next attempt."""

from handoff.records import Interrupted, Outcome
from reporter.fence import Fence
from reporter.reports.reader import Reader
from reporter.results.case_rows import begin_staging, merge, stage
from reporter.results.database import Connection, Database
from reporter.results.fencing import hold
from runtime.text import storable

_BEFORE = """
SELECT cases FROM test_shards WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status = 'interrupted'
"""
_INTERRUPT = """
UPDATE test_shards SET
    status = 'interrupted', lease_until = NULL, finished_at = clock_timestamp(),
    outcome = $4, exit_code = $5, detail = $6,
    cases = (SELECT count(*) FROM test_cases WHERE run_id = $1 AND day = $7 AND shard = $2 AND attempt = $3)
WHERE run_id = $1 AND shard = $2 AND attempt = $3
RETURNING cases
"""


async def interrupt(database: Database, fence: Fence, reader: Reader, outcome: Outcome | None) -> Interrupted:
    """Write the partial results and release the lease. `outcome` is None if the worker wrote none.

    Raises:
        Superseded: the shard has another attempt; nothing was written.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
        ReportsUnreadable: a report could not be read from the volume.
    """

    async def step(connection: Connection) -> Interrupted:
        await begin_staging(connection)
        async for cases in reader.final():
            await stage(connection, cases)
        return Interrupted(cases=await _interrupt(connection, fence, outcome, staged=True))

    return await database.run(step)


async def release_lease(database: Database, fence: Fence, detail: str) -> None:
    """Release the lease without results, so that a redelivered message can claim it at once.

    Raises:
        Superseded, DatabaseOutOfReach, DatabaseRefused: nothing was written, and the lease expires.
    """

    async def step(connection: Connection) -> None:
        await _interrupt(connection, fence, None, staged=False, detail=detail)

    await database.run(step, patience=0)


async def _interrupt(
    connection: Connection, fence: Fence, outcome: Outcome | None, *, staged: bool, detail: str | None = None
) -> int:
    place = (fence.run_id, fence.shard.index, fence.attempt)
    before: int | None = await connection.fetchval(_BEFORE, *place)
    if before is not None:
        return before  # an earlier call committed, and its answer was lost
    day = await hold(connection, fence)
    if staged:
        await merge(connection, fence, day)
    ending = outcome.ending if outcome else "interrupted"
    exit_code = outcome.exit_code if outcome else None
    why = outcome.detail if outcome else detail or "the worker ended without an outcome"
    cases: int = await connection.fetchval(_INTERRUPT, *place, ending, exit_code, why and storable(why), day)
    return cases
