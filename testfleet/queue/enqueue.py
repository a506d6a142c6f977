"""Puts a run on the queue: one message for each shard, known to the database first where there is one."""

from handoff.message import JobMessage
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.queue.sqs import Queue

REGISTER = """
    INSERT INTO test_runs (run_id, suite, commit, branch, target_url, trigger, status, shards, queued_at)
    VALUES (%(run_id)s, %(suite)s, %(commit)s, %(branch)s, %(target_url)s, %(trigger)s, 'queued', %(shards)s, now())
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id
"""

STANDING = "SELECT suite, shards, status, finished_at IS NOT NULL AS finished FROM test_runs WHERE run_id = %(run_id)s"


def enqueue(messages: tuple[JobMessage, ...], queue: Queue, database: Database | None = None) -> None:
    """Register the run as queued where there is a database, then send its messages.

    Enqueueing the same run twice is no error while it is unfinished: a shard that is there twice runs once.

    Raises:
        Refused: the run id belongs to another suite, to another number of shards or to a finished run.
        NotSent, Unavailable, BadSetting: as `Queue.send` and `Database.connect`; the run stays registered.
    """
    if database is not None:
        register(database, messages[0])
    queue.send(messages)


def register(database: Database, job: JobMessage) -> None:
    """Make the run known as queued, or make sure that the one which stands there is the same and unfinished."""
    values = job.model_dump() | {"shards": job.shard.total}
    with database.connect() as connection:
        if connection.rows(REGISTER, values):
            return
        standing = connection.rows(STANDING, values)[0]
    if standing["finished"]:
        raise Refused(f"--run-id: {job.run_id} is finished already ({standing['status']}); a verdict never changes")
    if standing["suite"] != job.suite:
        raise Refused(f"--run-id: {job.run_id} is a run of suite {standing['suite']}, not {job.suite}")
    if standing["shards"] != job.shard.total:
        raise Refused(f"--shards: run {job.run_id} has {standing['shards']}, not {job.shard.total}")
