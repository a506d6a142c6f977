"""Writes the owners of the files of a shard's cases."""

from datetime import date

from reporter.fence import Fence
from reporter.owners import FileOwners
from reporter.results.database import Connection

MAX_FILES = 10_000
"""Largest number of files of a shard that get an owner."""

_FILES = """
SELECT r.suite, files.file, held.owner
FROM test_runs AS r
CROSS JOIN LATERAL (
    SELECT DISTINCT c.file FROM test_cases AS c
    WHERE c.run_id = r.run_id AND c.day = $2 AND c.shard = $3 AND c.file <> ''
    LIMIT $4
) AS files
LEFT JOIN file_owners AS held ON held.suite = r.suite AND held.file = files.file
WHERE r.run_id = $1
UNION ALL
SELECT r.suite, '', held.owner
FROM test_runs AS r LEFT JOIN file_owners AS held ON held.suite = r.suite AND held.file = ''
WHERE r.run_id = $1
"""
_WRITE = "SELECT set_file_owners($1, $2::text[], $3::text[])"


async def write_owners(connection: Connection, fence: Fence, day: date, owners: FileOwners) -> None:
    """Write the owners that differ from those in the database, within the transaction that completes the shard."""
    changed: dict[str, str | None] = {}
    suite = None
    for row in await connection.fetch(_FILES, fence.run_id, day, fence.shard.index, MAX_FILES):
        suite = row["suite"]
        owner = owners.owner(row["file"]) if row["file"] else owners.suite
        if owner != row["owner"]:
            changed[row["file"]] = owner
    if changed:
        await connection.execute(_WRITE, suite, list(changed), list(changed.values()))
