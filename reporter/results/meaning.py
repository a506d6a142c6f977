"""What a finished run means: its causes, its part in the summaries of its suite, and its notices."""

from datetime import date

import structlog

from reporter.results.causes import join_causes
from reporter.results.database import Connection, within

FOLD_SECONDS = 30
"""Seconds for each statement of the causes and the fold. It is well below the time-out of any other statement."""

_FOLD = "SELECT fold_run($1)"
_COUNT_CAUSES = "SELECT count_causes($1)"
_ADD_NOTICES = "SELECT add_run_notices($1)"

_log = structlog.get_logger()


async def record_meaning(connection: Connection, run_id: str, day: date) -> None:
    """Add the finished run to the causes and summaries of its suite, which are locked, and write its notices.

    The caller's transaction has set the verdict. If this takes too long, the verdict stays and the run is not folded:
    `testfleet rebuild-summaries` adds it later, in its place.
    """
    if not await within(connection, FOLD_SECONDS, lambda: _fold(connection, run_id, day)):
        _log.error("run_not_folded", run_id=run_id, detail="its summaries took too long: run rebuild-summaries")
    await connection.execute(_ADD_NOTICES, run_id)


async def _fold(connection: Connection, run_id: str, day: date) -> None:
    await join_causes(connection, run_id, day)
    if await connection.fetchval(_FOLD, run_id):
        await connection.execute(_COUNT_CAUSES, run_id)
