"""Cancels a run: its queued shards never start, its running shards stop, and its status is final."""

from testfleet.database.connection import Database
from testfleet.errors import Refused

CANCEL = "SELECT cancel_run(%(run_id)s) AS before"


def cancel(database: Database, run_id: str) -> bool:
    """Cancel the run. Return False if it was cancelled before.

    Raises:
        Refused: the database has no such run, or the run has another verdict.
        Unavailable, BadSetting: as `Database.connect`.
    """
    with database.connect() as connection:
        before = connection.rows(CANCEL, {"run_id": run_id})[0]["before"]
    if before is None:
        raise Refused(f"RUN_ID: the database has no run {run_id}")
    if before in {"queued", "running"}:
        return True
    if before != "cancelled":
        raise Refused(f"RUN_ID: {run_id} is finished already ({before}); a verdict never changes")
    return False
