"""The checks of the fence: whether an attempt still holds its shard, and whether its run was cancelled."""

from datetime import date

from reporter.errors import Cancelled, Superseded
from reporter.fence import Fence
from reporter.results.database import Connection, Database

# NO KEY UPDATE, here and on test_runs: the check of a foreign key locks the run with KEY SHARE and must not wait.
_HOLD = """
SELECT (SELECT day FROM test_runs WHERE run_id = $1) AS day FROM test_shards
WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status = 'running'
FOR NO KEY UPDATE
"""
_CANCELLED = "SELECT FROM test_shards WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status = 'cancelled'"


async def hold(connection: Connection, fence: Fence) -> date:
    """Lock this attempt's row until the transaction ends, so that no other pod can claim the shard.

    Return the day of the run, by which its cases are stored.

    Raises:
        Cancelled: the run was cancelled.
        Superseded: the shard has another attempt, or this attempt has ended.
    """
    day: date | None = await connection.fetchval(_HOLD, fence.run_id, fence.shard.index, fence.attempt)
    if day is None:
        await raise_if_cancelled(connection, fence)
        raise Superseded(f"attempt {fence.attempt} of shard {fence.shard} no longer holds the shard")
    return day


async def raise_if_cancelled(connection: Connection, fence: Fence) -> None:
    """Check within a transaction whether the run was cancelled.

    Raises:
        Cancelled: the run was cancelled.
    """
    if await connection.fetchrow(_CANCELLED, fence.run_id, fence.shard.index, fence.attempt) is not None:
        raise Cancelled(f"run {fence.run_id} was cancelled")


async def check_cancellation(database: Database, fence: Fence) -> None:
    """Check once, in a transaction without locks, whether the run was cancelled.

    Raises:
        Cancelled: the run was cancelled.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`.
    """

    async def step(connection: Connection) -> None:
        await raise_if_cancelled(connection, fence)

    await database.run(step, patience=0)
