"""Puts a run on the queue. If there is a database, the run is registered there first."""

from handoff.message import JobMessage
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.queue.sqs import Queue

REGISTER = """
    INSERT INTO test_runs (
        run_id, suite, commit, branch, pull_request, parent_commit, author, ci_url, target_url, trigger, environment,
        status, shards, queued_at
    )
    VALUES (
        %(run_id)s, %(suite)s, %(commit)s, %(branch)s, %(pull_request)s, %(parent_commit)s, %(author)s, %(ci_url)s,
        %(target_url)s, %(trigger)s, %(environment)s, 'queued', %(shards)s, now()
    )
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id
"""

EXISTING = "SELECT suite, shards, status, finished_at IS NOT NULL AS finished FROM test_runs WHERE run_id = %(run_id)s"


def enqueue(messages: tuple[JobMessage, ...], queue: Queue, database: Database | None = None) -> None:
    """Register the run as queued if there is a database, then send its messages.

    An unfinished run may be enqueued again: a shard with two messages runs once.

    Raises:
        Refused: the run id belongs to another suite, to another number of shards or to a finished run.
        NotSent, Unavailable, BadSetting: as `Queue.send` and `Database.connect`; the run stays registered.
    """
    if database is not None:
        register(database, messages[0])
    queue.send(messages)


def register(database: Database, job: JobMessage) -> None:
    """Insert the run as queued, or check that the existing run is the same and unfinished.

    Raises:
        Refused, Unavailable, BadSetting: as `enqueue`.
    """
    values = job.model_dump() | {"shards": job.shard.total}
    with database.connect() as connection:
        if connection.rows(REGISTER, values):
            return
        existing = connection.rows(EXISTING, values)[0]
    if existing["finished"]:
        raise Refused(f"--run-id: {job.run_id} is finished already ({existing['status']}); a verdict never changes")
    if existing["suite"] != job.suite:
        raise Refused(f"--run-id: {job.run_id} is a run of suite {existing['suite']}, not {job.suite}")
    if existing["shards"] != job.shard.total:
        raise Refused(f"--shards: run {job.run_id} has {existing['shards']}, not {job.shard.total}")
