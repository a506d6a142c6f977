"""Quarantine: which bad cases of a shard do not fail it, and which of them stay covered when the run ends.

A quarantine names a case exactly, by its final name. While the run is unfinished, that name is not known: a case that
another shard reports too may get the shard in its name. Therefore a shard's verdict accepts both names, and the run's
verdict accepts the final name only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from handoff.records import QuarantinedCase
from reporter.fence import Fence
from reporter.junit.names import shard_name
from reporter.results.database import Connection

# The run's own suite and branch decide, and not those of a message. An entry of another suite is in no image's file.
_ACTIVE = """
SELECT q.name
FROM test_runs AS r
JOIN quarantines AS q ON q.source = 'command' AND q.suite = r.suite AND (q.branch IS NULL OR q.branch = r.branch)
WHERE r.run_id = $1 AND q.until > clock_timestamp()
UNION
SELECT q.name
FROM test_runs AS r
CROSS JOIN unnest($2::text[], $3::text[], $4::timestamptz[]) AS q (name, branch, until)
WHERE r.run_id = $1 AND (q.branch IS NULL OR q.branch = r.branch) AND q.until > clock_timestamp()
"""
_COVER = """
WITH listed AS (
    SELECT own, array_agg(name ORDER BY name) AS names
    FROM unnest($4::text[], $5::text[]) AS listed (own, name) GROUP BY own
), covered AS (
    UPDATE test_cases AS held SET quarantined_as = listed.names
    FROM listed
    WHERE held.run_id = $1 AND held.day = $2 AND held.shard = $3 AND held.status IN ('failed', 'errored')
      AND coalesce(held.report_name, held.name) = listed.own
    RETURNING held.name
)
SELECT count(*) FROM covered
"""
_UNCOVER = """
UPDATE test_cases SET quarantined_as = NULL
WHERE run_id = $1 AND day = $2 AND quarantined_as IS NOT NULL AND name <> ALL (quarantined_as)
RETURNING shard, name
"""
_FAIL_SHARD = """
UPDATE test_shards SET status = 'failed', detail = $3 WHERE run_id = $1 AND shard = $2 AND status = 'passed'
"""
_COUNT = """
UPDATE test_runs SET quarantined = (
    SELECT count(*) FROM test_cases WHERE run_id = $1 AND day = $2 AND quarantined_as IS NOT NULL)
WHERE run_id = $1
RETURNING quarantined
"""
_RECORD_FILE = "SELECT record_quarantine_file($1, $2::text::jsonb)"


@dataclass(frozen=True, slots=True)
class Settled:
    """The number of bad cases that stay covered when the run ends, and whether a shard may have become `failed`."""

    covered: int
    shard_failed: bool


async def cover(connection: Connection, fence: Fence, day: date, reviewed: Sequence[QuarantinedCase]) -> int:
    """Mark the bad cases of the shard that an active quarantine covers, and return their number.

    `reviewed` are the entries of the image's file. The database's clock decides which are active.
    """
    columns = [one.name for one in reviewed], [one.branch for one in reviewed], [one.until for one in reviewed]
    active = [row["name"] for row in await connection.fetch(_ACTIVE, fence.run_id, *columns)]
    pairs = list(_own_names(active, fence))
    if not pairs:
        return 0
    own, names = [own for own, _ in pairs], [name for _, name in pairs]
    covered: int = await connection.fetchval(_COVER, fence.run_id, day, fence.shard.index, own, names)
    return covered


def _own_names(listed: Iterable[str], fence: Fence) -> Iterator[tuple[str, str]]:
    """Yield each name in this shard's report that may get a listed name, together with the listed one."""
    suffix = shard_name("", fence.shard)
    for name in listed:
        yield name, name
        if fence.shard.total > 1 and name.endswith(suffix) and name != suffix:
            yield name.removesuffix(suffix), name


async def settle_quarantine(connection: Connection, run_id: str, day: date) -> Settled:
    """Uncover the bad cases whose final name is not listed, fail their shards, and count the covered cases of the run.

    The transaction ends the run and has settled its names.
    """
    uncovered = {row["shard"]: row["name"] for row in await connection.fetch(_UNCOVER, run_id, day)}
    for shard, name in sorted(uncovered.items()):
        detail = f"{name} failed; the quarantine names the case of another shard"
        await connection.execute(_FAIL_SHARD, run_id, shard, detail)
    covered: int = await connection.fetchval(_COUNT, run_id, day)
    return Settled(covered, shard_failed=bool(uncovered))


async def record_file(connection: Connection, run_id: str, reviewed: Sequence[QuarantinedCase]) -> None:
    """Repeat the entries of the image's file in the table, where `testfleet quarantine list` reads them."""
    entries = ",".join(one.model_dump_json(by_alias=False) for one in reviewed)
    await connection.execute(_RECORD_FILE, run_id, f"[{entries}]")
