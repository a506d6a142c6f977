"""The fence: which attempt of which shard this pod is, and the lock that proves it still is."""

from dataclasses import dataclass

from handoff.message import Shard
from reporter.database import Connection
from reporter.errors import Superseded


@dataclass(frozen=True, slots=True)
class Fence:
    """An attempt of this pod at a shard; `attempt` is counted from 1 and only ever grows."""

    run_id: str
    shard: Shard
    attempt: int


# NO KEY UPDATE, here and on test_runs: a foreign key's check takes KEY SHARE on the run, which must not wait for it.
_HOLD = """
SELECT FROM test_shards
WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status = 'running'
FOR NO KEY UPDATE
"""


async def hold(connection: Connection, fence: Fence) -> None:
    """Lock this attempt's row until the transaction ends, so that nobody can claim the shard meanwhile.

    Raises:
        Superseded: the shard has another attempt, or this one has ended.
    """
    if await connection.fetchrow(_HOLD, fence.run_id, fence.shard.index, fence.attempt) is None:
        raise Superseded(f"attempt {fence.attempt} of shard {fence.shard} no longer holds the shard")
