"""Claims a shard: a pure decision over the current rows, and the statements that execute it."""

from dataclasses import dataclass, field
from functools import partial

from handoff.message import JobMessage
from handoff.records import AlreadyComplete, Busy, Decision, Rejected, Run, Unavailable
from reporter.errors import DatabaseOutOfReach, DatabaseRefused, Superseded
from reporter.fence import Fence
from reporter.results.admission import Holder
from reporter.results.database import Connection, Database
from reporter.results.fencing import raise_if_cancelled


@dataclass(frozen=True, slots=True)
class Pod:
    """The digest of the worker's image, and what all containers of the pod request. None where that is unknown."""

    image_digest: str | None = None
    cpu_millis: int | None = None
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Claimant:
    """A job that claims its shard. The ids identify a repeated claim. `pod` is recorded and decides nothing."""

    job: JobMessage
    claim_id: str
    message_id: str
    worker: str
    pod: Pod = field(default_factory=Pod)


@dataclass(frozen=True, slots=True)
class RunRow:
    """The row of the run in `test_runs`. `suite` and `shards` are None until they are fixed."""

    suite: str | None
    shards: int | None
    finished: bool


@dataclass(frozen=True, slots=True)
class ShardRow:
    """The row of the shard in `test_shards`. `leased` is by the database's clock."""

    claim_id: str
    attempt: int
    status: str
    leased: bool
    message_id: str
    abandoned: bool = False
    """Whether a sweep ended the shard without a result. A redriven message runs it again."""


def decide(claimant: Claimant, run: RunRow, shard: ShardRow | None, *, lease: int) -> Decision:
    """Decide whether the claimant may run the shard. `lease` is in seconds. A repeated claim gets its attempt again."""
    rejected = _contradiction(claimant.job, run)
    if rejected is not None:
        return rejected
    complete = shard is not None and shard.status not in {"running", "interrupted"} and not shard.abandoned
    if run.finished or complete:
        return AlreadyComplete()
    if shard is None:
        return Run(attempt=1)
    if shard.status == "running" and shard.claim_id == claimant.claim_id:
        return Run(attempt=shard.attempt)
    if shard.status == "running" and shard.leased:
        return Busy(retry_after=lease, same_message=shard.message_id == claimant.message_id)
    return Run(attempt=shard.attempt + 1)


def _contradiction(job: JobMessage, run: RunRow) -> Rejected | None:
    if run.suite not in {None, job.suite}:
        return Rejected(reason="other_suite", detail=f"suite: must be {run.suite}, the suite of run {job.run_id}")
    if run.shards not in {None, job.shard.total}:
        return Rejected(reason="other_total", detail=f"shard: must be i/{run.shards}, as run {job.run_id} has it")
    return None


_CREATE_RUN = """
INSERT INTO test_runs (run_id, suite, shards, commit, branch, target_url, trigger, pull_request, parent_commit, author,
    ci_url, environment, image_digest, status, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'running', now())
ON CONFLICT (run_id) DO NOTHING
"""
_LOCK_RUN = """
SELECT suite, shards, finished_at IS NOT NULL AS finished FROM test_runs WHERE run_id = $1 FOR NO KEY UPDATE
"""
_LOCK_SHARD = """
SELECT claim_id, attempt, status, coalesce(lease_until > clock_timestamp(), false) AS leased, message_id,
    coalesce(outcome = 'abandoned', false) AS abandoned
FROM test_shards WHERE run_id = $1 AND shard = $2 FOR NO KEY UPDATE
"""
_TAKE = """
INSERT INTO test_shards AS held (run_id, shard, claim_id, attempt, status, lease_until, worker, message_id, started_at,
    image_digest, cpu_millis, memory_mib)
VALUES ($1, $2, $3, $4, 'running', clock_timestamp() + make_interval(secs => $5), $6, $7, now(), $8, $9, $10)
ON CONFLICT (run_id, shard) DO UPDATE SET
    claim_id = excluded.claim_id, attempt = excluded.attempt, status = excluded.status,
    lease_until = excluded.lease_until, worker = excluded.worker, message_id = excluded.message_id,
    started_at = excluded.started_at, finished_at = NULL, exit_code = NULL, outcome = NULL, detail = NULL, cases = 0,
    image_digest = excluded.image_digest, cpu_millis = excluded.cpu_millis, memory_mib = excluded.memory_mib,
    earlier_seconds = held.earlier_seconds + CASE WHEN held.outcome = 'abandoned' THEN 0 ELSE greatest(0, extract(
        epoch FROM coalesce(held.finished_at, least(held.lease_until, now()), held.started_at) - held.started_at)) END
WHERE held.attempt < excluded.attempt
"""
_START_RUN = """
UPDATE test_runs SET
    status = 'running', suite = coalesce(suite, $2), shards = coalesce(shards, $3), commit = coalesce(commit, $4),
    branch = coalesce(branch, $5), target_url = coalesce(target_url, $6), trigger = coalesce(trigger, $7),
    pull_request = coalesce(pull_request, $8), parent_commit = coalesce(parent_commit, $9),
    author = coalesce(author, $10), ci_url = coalesce(ci_url, $11), environment = coalesce(environment, $12),
    image_digest = coalesce(image_digest, $13), started_at = coalesce(started_at, now())
WHERE run_id = $1 AND (status = 'queued' OR started_at IS NULL OR suite IS NULL OR shards IS NULL)
"""
_RENEW = """
UPDATE test_shards SET lease_until = clock_timestamp() + make_interval(secs => $4)
WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status = 'running'
  AND EXISTS (SELECT FROM test_runs WHERE run_id = $1 AND finished_at IS NULL)
"""
_OWN = """
SELECT EXISTS (
    SELECT FROM test_shards AS shard JOIN test_runs AS run USING (run_id)
    WHERE run_id = $1 AND shard.shard = $2 AND shard.attempt = $3
      AND (run.finished_at IS NULL OR shard.status IN ('passed', 'failed', 'errored'))
      AND shard.outcome IS DISTINCT FROM 'abandoned'
)
"""

_READ_HOLDER = """
SELECT attempt, lease_until, extract(epoch FROM lease_until - clock_timestamp())::float AS remaining
FROM test_shards WHERE run_id = $1 AND shard = $2 AND status = 'running' AND lease_until IS NOT NULL
"""
_WITHDRAW = """
UPDATE test_shards SET
    status = 'interrupted', lease_until = NULL, finished_at = clock_timestamp(),
    detail = 'the pod was stopped before its suite started'
WHERE run_id = $1 AND shard = $2 AND claim_id = $3 AND status = 'running'
"""


async def claim(database: Database, claimant: Claimant, *, lease: int) -> Decision:
    """Claim the shard for `lease` seconds. A second claim with the same id returns the same attempt."""
    try:
        return await database.run(partial(_claim, claimant, lease))
    except (DatabaseOutOfReach, DatabaseRefused) as error:
        return Unavailable(detail=str(error))


async def _claim(claimant: Claimant, lease: int, connection: Connection) -> Decision:
    job = claimant.job
    columns = (
        *(job.run_id, job.suite, job.shard.total, job.commit, job.branch, job.target_url, job.trigger),
        *(job.pull_request, job.parent_commit, job.author, job.ci_url, job.environment, claimant.pod.image_digest),
    )
    await connection.execute(_CREATE_RUN, *columns)
    run = await connection.fetchrow(_LOCK_RUN, job.run_id)
    if run is None:
        raise DatabaseOutOfReach(f"run {job.run_id} was deleted while it was claimed")
    held = await connection.fetchrow(_LOCK_SHARD, job.run_id, job.shard.index)
    shard = ShardRow(**dict(held)) if held else None
    decision = decide(claimant, RunRow(**dict(run)), shard, lease=lease)
    if isinstance(decision, Run):
        if shard is None or shard.attempt != decision.attempt:
            ids = (claimant.claim_id, decision.attempt, lease, claimant.worker, claimant.message_id)
            pod = (claimant.pod.image_digest, claimant.pod.cpu_millis, claimant.pod.memory_mib)
            await connection.execute(_TAKE, job.run_id, job.shard.index, *ids, *pod)
            await connection.execute(_START_RUN, *columns)
        else:
            await connection.execute(_RENEW, job.run_id, job.shard.index, decision.attempt, lease)
    return decision


async def renew(database: Database, fence: Fence, *, lease: int) -> None:
    """Make the lease last `lease` seconds from now, even if it has expired. A complete attempt is left unchanged.

    Raises:
        Cancelled: the run was cancelled.
        Superseded: the shard has another attempt, or the run ended without it.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; the lease may still be valid.
    """
    await database.run(partial(_renew, fence, lease), patience=lease / 3)


async def _renew(fence: Fence, lease: int, connection: Connection) -> None:
    place = (fence.run_id, fence.shard.index)
    if await connection.execute(_RENEW, *place, fence.attempt, lease) == "UPDATE 1":
        return
    await raise_if_cancelled(connection, fence)
    if not await connection.fetchval(_OWN, *place, fence.attempt):
        raise Superseded(f"shard {fence.shard} has another attempt than {fence.attempt}, or its run has ended")


async def read_holder(database: Database, claimant: Claimant) -> Holder | None:
    """Return the attempt that holds the shard's lease, or None if no attempt holds it.

    Raises:
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`.
    """

    async def step(connection: Connection) -> Holder | None:
        row = await connection.fetchrow(_READ_HOLDER, claimant.job.run_id, claimant.job.shard.index)
        return Holder(**dict(row)) if row else None

    return await database.run(step)


async def withdraw(database: Database, claimant: Claimant) -> None:
    """Release the lease that a cancelled claim may have acquired. No-op if the claimant does not hold the shard.

    Raises:
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; then the lease expires.
    """

    async def step(connection: Connection) -> None:
        await connection.execute(
            _LOCK_RUN, claimant.job.run_id
        )  # waits for the cancelled claim, which may still commit
        await connection.execute(_WITHDRAW, claimant.job.run_id, claimant.job.shard.index, claimant.claim_id)

    await database.run(step)
