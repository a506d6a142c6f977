"""The final transaction of a shard: its cases, its artifacts, its verdict and the verdict of the run."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handoff.records import Collection, Committed, Outcome, QuarantinedCase
from reporter.artifact import Artifact
from reporter.errors import DatabaseOutOfReach, Superseded
from reporter.fence import Fence
from reporter.junit.reading import Summary
from reporter.metrics import FinishedRun
from reporter.owners import FileOwners
from reporter.reports.reader import Reader
from reporter.results.case_rows import begin_staging, merge, stage
from reporter.results.database import Connection, Database
from reporter.results.fencing import hold, raise_if_cancelled
from reporter.results.file_owners import write_owners
from reporter.results.quarantine import cover, record_file
from reporter.results.run_end import end_if_complete
from reporter.results.verdict import ShardResults, of_shard
from runtime.text import storable

# Every transaction locks the run before its shard. Otherwise overlapping commits miss each other's shard, and the run
# stays `running`.
_LOCK_RUN = """
SELECT shards, day, finished_at IS NOT NULL AS finished FROM test_runs WHERE run_id = $1 FOR NO KEY UPDATE
"""
_ENDED = """
SELECT status, cases, (SELECT count(*) FROM artifacts WHERE run_id = $1 AND shard = $2 AND attempt = $3) AS artifacts
FROM test_shards
WHERE run_id = $1 AND shard = $2 AND attempt = $3 AND status IN ('passed', 'failed', 'errored')
  AND outcome IS DISTINCT FROM 'abandoned'
"""
_ANALYZE = "ANALYZE staged_cases; ANALYZE staged_tries"
_DELETE_OLD_CASES = """
WITH deleted AS (
    DELETE FROM test_cases AS held
    WHERE held.run_id = $1 AND held.day = $3 AND held.shard = $2
      AND NOT EXISTS (SELECT FROM staged_cases AS staged WHERE staged.row_name = held.name)
    RETURNING held.name
)
DELETE FROM case_tries AS tried USING deleted
WHERE tried.run_id = $1 AND tried.day = $3 AND tried.name = deleted.name
"""
_COUNT = """
SELECT count(*) AS cases, count(*) FILTER (WHERE status IN ('failed', 'errored')) AS bad
FROM test_cases WHERE run_id = $1 AND day = $3 AND shard = $2
"""
_ADD_ARTIFACTS = """
INSERT INTO artifacts AS held (s3_uri, run_id, shard, attempt, case_name, kind, bytes, content_type)
SELECT new.s3_uri, $1, $2, $3, staged.row_name, new.kind, new.bytes, new.content_type
FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[])
     AS new (s3_uri, case_name, kind, bytes, content_type)
LEFT JOIN staged_cases AS staged ON staged.name = new.case_name
ON CONFLICT (s3_uri) DO UPDATE SET
    case_name = excluded.case_name, kind = excluded.kind, bytes = excluded.bytes, content_type = excluded.content_type
WHERE (held.case_name, held.kind, held.bytes, held.content_type)
      IS DISTINCT FROM (excluded.case_name, excluded.kind, excluded.bytes, excluded.content_type)
"""
_END_SHARD = """
UPDATE test_shards SET
    status = $4, detail = $5, cases = $6, outcome = $7, exit_code = $8, lease_until = NULL,
    collected = $9, collected_digest = $10, selected = $11, selected_digest = $12, tools = $13::text::jsonb,
    finished_at = clock_timestamp() -- now() is when the transaction began, before the cases were staged
WHERE run_id = $1 AND shard = $2 AND attempt = $3
"""
_ADD_TOOLS = "UPDATE test_runs SET tools = $2::text::jsonb WHERE run_id = $1 AND tools IS NULL"


@dataclass(frozen=True, slots=True)
class Completed:
    """A complete shard: its receipt, and the run if this shard gave it its verdict.

    `run` is None as well if an earlier call committed the shard and its answer was lost.
    """

    receipt: Committed
    run: FinishedRun | None = None


async def commit(
    database: Database,
    fence: Fence,
    reader: Reader,
    outcome: Outcome,
    artifacts: Sequence[Artifact],
    *,
    reviewed: Sequence[QuarantinedCase] = (),
    owners: FileOwners | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Completed:
    """Make the shard complete, with all its rows, in one transaction. A second call changes no row.

    `reviewed` are the quarantines of the image's file, `owners` those of its files. `progress` is called after each
    batch of cases that was read and staged.

    Raises:
        Cancelled: the run was cancelled; nothing was written.
        Superseded: the shard has another attempt, or the run has ended; nothing was written.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
        ReportsUnreadable: a report could not be read from the volume.
    """

    async def step(connection: Connection) -> Completed:
        await begin_staging(connection)
        async for cases in reader.final():
            await stage(connection, cases)
            progress()
        await connection.execute(_ANALYZE)
        return await _commit(connection, fence, reader.summary, outcome, artifacts, reviewed=reviewed, owners=owners)

    return await database.run(step)


async def _commit(
    connection: Connection,
    fence: Fence,
    summary: Summary,
    outcome: Outcome,
    artifacts: Sequence[Artifact],
    *,
    reviewed: Sequence[QuarantinedCase],
    owners: FileOwners | None,
) -> Completed:
    place = (fence.run_id, fence.shard.index)
    run = await connection.fetchrow(_LOCK_RUN, fence.run_id)
    if run is None:
        raise Superseded(f"run {fence.run_id} was deleted")
    if ended := await connection.fetchrow(_ENDED, *place, fence.attempt):
        return Completed(Committed(**dict(ended)))  # an earlier call committed, and its answer was lost
    if run["finished"]:
        await raise_if_cancelled(connection, fence)
        raise Superseded(f"run {fence.run_id} ended before shard {fence.shard} was complete")
    await hold(connection, fence)
    await merge(connection, fence, run["day"])
    await connection.execute(_DELETE_OLD_CASES, *place, run["day"])
    await _add_artifacts(connection, fence, summary, artifacts)
    counted = await connection.fetchrow(_COUNT, *place, run["day"])
    if counted is None:
        raise DatabaseOutOfReach("the count of the shard's cases returned no row")
    quarantined = await cover(connection, fence, run["day"], reviewed) if counted["bad"] else 0
    evidence = ShardResults(
        files=summary.files,
        broken=summary.broken,
        doubts=summary.doubts,
        quarantined=quarantined,
        **dict(counted),
    )
    verdict = of_shard(fence.shard, outcome, evidence)
    detail = verdict.detail and storable(verdict.detail)
    ending = (verdict.status, detail, evidence.cases, outcome.ending, outcome.exit_code)
    tools = json.dumps(outcome.tools) if outcome.tools else None
    await connection.execute(_END_SHARD, *place, fence.attempt, *ending, *_columns(outcome.collection), tools)
    if tools is not None:
        await connection.execute(_ADD_TOOLS, fence.run_id, tools)
    if owners:
        await write_owners(connection, fence, run["day"], owners)
    expected = run["shards"] or fence.shard.total
    finished = await end_if_complete(connection, fence.run_id, run["day"], expected, summary.p95_ms)
    if finished:
        await record_file(connection, fence.run_id, reviewed)
    return Completed(Committed(status=verdict.status, cases=evidence.cases, artifacts=len(artifacts)), finished)


async def _add_artifacts(connection: Connection, fence: Fence, summary: Summary, artifacts: Sequence[Artifact]) -> None:
    columns = (
        [one.s3_uri for one in artifacts],
        [summary.attachments.get(one.path) for one in artifacts],
        [one.kind for one in artifacts],
        [one.bytes for one in artifacts],
        [one.content_type for one in artifacts],
    )
    await connection.execute(_ADD_ARTIFACTS, fence.run_id, fence.shard.index, fence.attempt, *columns)


def _columns(collection: Collection | None) -> tuple[int | str | None, ...]:
    if collection is None:
        return (None,) * 4
    collected, selected = collection.collected, collection.selected
    return (collected.count, collected.digest, selected.count, selected.digest)
