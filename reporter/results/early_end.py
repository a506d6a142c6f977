"""Ending a run before all its shards are complete. No row of the run changes afterwards."""

from typing import Literal

from reporter.results.database import Connection
from reporter.results.final_names import settle
from reporter.results.totals import count

_LOCK_SHARDS = "SELECT FROM test_shards WHERE run_id = $1 ORDER BY shard FOR NO KEY UPDATE"
# A shard that is no longer `running` fails its pod's fence, so this stops every writer of the run.
_STOP_SHARDS = """
UPDATE test_shards AS shard SET
    status = 'interrupted', lease_until = NULL, finished_at = clock_timestamp(), detail = $2,
    cases = (SELECT count(*) FROM test_cases AS seen
             WHERE seen.run_id = $1 AND seen.shard = shard.shard AND seen.attempt = shard.attempt)
WHERE run_id = $1 AND status = 'running'
"""
_END_RUN = """
UPDATE test_runs SET status = $2, detail = $3, finished_at = clock_timestamp() WHERE run_id = $1 AND finished_at IS NULL
"""


async def end_early(connection: Connection, run_id: str, *, status: Literal["errored"], detail: str) -> None:
    """Give the run its verdict, count its cases so far and take every running shard from its pod.

    The caller's transaction has locked the run's row: every transaction locks the run before its shards.
    """
    await connection.execute(_LOCK_SHARDS, run_id)  # a pod that is writing ends first, and its cases count
    await connection.execute(_STOP_SHARDS, run_id, f"the run was ended: {detail}")
    await settle(connection, run_id)
    await count(connection, run_id)
    await connection.execute(_END_RUN, run_id, status, detail)
