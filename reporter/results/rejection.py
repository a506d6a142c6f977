"""Records a rejected message in its run, and ends the run if the message may end it."""

from dataclasses import dataclass
from functools import partial

import structlog

from handoff.records import Committed, InvalidJob
from reporter.errors import DatabaseOutOfReach
from reporter.results.database import Connection, Database
from reporter.results.run_end import end_early
from runtime.text import storable


@dataclass(frozen=True, slots=True)
class NamedRun:
    """The row of the run; `suite` is None until it is fixed."""

    suite: str | None
    started: bool
    finished: bool


def ends(invalid: InvalidJob, run: NamedRun) -> bool:
    """Return whether the rejected message ends the run as errored.

    A message of the run's own suite does: its shard can never be complete. A message that names no readable suite does
    only while no shard was claimed. A message of another suite never does: it carries a foreign run id.
    """
    if run.finished:
        return False
    if invalid.suite is None or run.suite is None:
        return not run.started
    return invalid.suite == run.suite


_CREATE = """
INSERT INTO test_runs (run_id, suite, status) VALUES ($1, $2, 'queued') ON CONFLICT (run_id) DO NOTHING
"""
_LOCK_RUN = """
SELECT suite, day, status <> 'queued' AS started, finished_at IS NOT NULL AS finished
FROM test_runs WHERE run_id = $1 FOR NO KEY UPDATE
"""

_log = structlog.get_logger()


async def record_rejection(database: Database, invalid: InvalidJob) -> Committed:
    """End the run as errored if `ends` returns True.

    Raises:
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
    """
    if not await database.run(partial(_record, invalid)):
        _log.warning("rejection_not_recorded", detail="the run has its verdict or another suite")
    return Committed(status="errored")


async def _record(invalid: InvalidJob, connection: Connection) -> bool:
    run_id = invalid.run_id
    detail = storable(f"{invalid.reason}: {invalid.detail}")
    await connection.execute(_CREATE, run_id, invalid.suite)
    run = await connection.fetchrow(_LOCK_RUN, run_id)
    if run is None:
        raise DatabaseOutOfReach(f"run {run_id} was deleted while its rejection was recorded")
    named = dict(run)
    day = named.pop("day")
    if not ends(invalid, NamedRun(**named)):
        return False
    await end_early(connection, run_id, day, status="errored", detail=detail)
    return True
