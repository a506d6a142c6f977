"""Recording the run of a message that can never succeed, so that whoever waits for it learns why."""

from handoff.records import Committed, Rejection
from reporter.database import Connection, Database
from reporter.failure import storable

_RECORD = """
INSERT INTO test_runs AS run (run_id, suite, status, detail, finished_at)
VALUES ($1, $2, 'errored', $3, now())
ON CONFLICT (run_id) DO UPDATE SET status = 'errored', detail = excluded.detail, finished_at = now()
WHERE run.finished_at IS NULL
"""


async def record(database: Database, rejection: Rejection, *, patience: float) -> Committed:
    """Let the run end as errored. One that has ended already keeps its verdict; `patience` is in seconds.

    Raises:
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
    """

    async def step(connection: Connection) -> None:
        detail = storable(f"{rejection.reason}: {rejection.detail}")
        await connection.execute(_RECORD, rejection.run_id, rejection.suite, detail)

    await database.run(step, patience=patience)
    return Committed(status="errored")
