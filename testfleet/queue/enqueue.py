"""Puts a run on the queue: one message for each shard, known to the database first where there is one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from handoff.message import MAX_SHARDS, JobMessage, RunId, Shard
from runtime.errors import first_problem
from testfleet.database import Database
from testfleet.errors import Refused
from testfleet.queue.sqs import Queue

REGISTER = """
    INSERT INTO test_runs (run_id, suite, commit, branch, target_url, trigger, status, shards, queued_at)
    VALUES (%(run_id)s, %(suite)s, %(commit)s, %(branch)s, %(target_url)s, %(trigger)s, 'queued', %(shards)s, now())
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id
"""

STANDING = "SELECT suite, shards, status, finished_at IS NOT NULL AS finished FROM test_runs WHERE run_id = %(run_id)s"


def new_run_id(now: datetime, random: bytes) -> str:
    """A run id that sorts by time and is nobody else's: `20260131-093000-5f3a9c01`. `now` is in UTC."""
    return f"{now:%Y%m%d-%H%M%S}-{random.hex()}"


def check_run_id(value: str) -> None:
    """Hold an argument to what a run id may be: another one can never appear, and waiting for it is in vain.

    Raises:
        Refused: says what is allowed.
    """
    try:
        TypeAdapter(RunId).validate_python(value)
    except ValidationError as error:
        raise Refused(f"RUN_ID: {first_problem(error).allowed}") from error


def jobs(
    suite: str,
    *,
    run_id: str,
    shards: int = 1,
    commit: str | None = None,
    branch: str | None = None,
    target_url: str | None = None,
    trigger: str | None = None,
    environment: str | None = None,
    params: Mapping[str, str] | None = None,
    suite_option: str = "SUITE",
) -> tuple[JobMessage, ...]:
    """The messages of a run, one for each shard.

    Raises:
        Refused: names the option that is wrong and what is allowed.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise Refused(f"--shards: must be 1 to {MAX_SHARDS}")
    try:
        first = JobMessage(
            run_id=run_id,
            suite=suite,
            shard=Shard(index=1, total=shards),
            commit=commit,
            branch=branch,
            target_url=target_url,
            trigger=trigger,
            environment=environment,
            params=dict(params or {}),
        )
    except ValidationError as error:
        problem = first_problem(error)
        option = suite_option if problem.field == "suite" else _option(problem.field)
        raise Refused(f"{option}: {problem.allowed}") from error
    return tuple(first.model_copy(update={"shard": Shard(index=index, total=shards)}) for index in range(1, shards + 1))


def _option(field: str) -> str:
    """The command line's name of a message's field."""
    return "--param" if field == "params" else "--" + field.replace("_", "-")


def params(pairs: Sequence[str]) -> dict[str, str]:
    """The parameters of `name=value` pairs; the value may hold further equals signs.

    Raises:
        Refused: there is no equals sign, or a name comes twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Refused(f"--param: must be NAME=VALUE, not {pair!r}")
        if name in found:
            raise Refused(f"--param: {name} is given twice")
        found[name] = value
    return found


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
