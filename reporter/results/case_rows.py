"""Cases into rows: staged by COPY into temporary tables, then merged in one ordered statement under the fence."""

from collections.abc import Iterable

from reporter.fence import Fence
from reporter.junit.case import Case
from reporter.junit.names import shard_name
from reporter.results.database import Connection, Database
from reporter.results.fencing import hold

_STAGE = """
CREATE TEMP TABLE staged_cases (
    name text NOT NULL,     -- as the shard's report has it
    row_name text NOT NULL, -- as the row has it: with the shard, where another shard's row has the name
    file text, status text NOT NULL, flaky boolean NOT NULL, tries integer NOT NULL, duration_ms double precision,
    error text, error_type text, fingerprint text, message text, location text,
    started_at timestamptz, finished_at timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE staged_tries (
    name text NOT NULL, try integer NOT NULL, status text NOT NULL, duration_ms double precision, error text,
    message text
) ON COMMIT DROP
"""
_CASE_COLUMNS = (
    "name",
    "row_name",
    "file",
    "status",
    "flaky",
    "tries",
    "duration_ms",
    "error",
    "error_type",
    "fingerprint",
    "message",
    "location",
    "started_at",
    "finished_at",
)
_TRY_COLUMNS = ("name", "try", "status", "duration_ms", "error", "message")

# Two shards that bring the same names lock them in the same order, and a row that says the same stays untouched.
_MERGE = """
INSERT INTO test_cases AS held (run_id, name, report_name, shard, attempt, file, status, flaky, tries, duration_ms,
                               error, error_type, fingerprint, message, location, started_at, finished_at)
SELECT $1, row_name, nullif(name, row_name), $2, $3, file, status, flaky, tries, duration_ms, error,
       error_type, fingerprint, message, location, started_at, finished_at
FROM staged_cases WHERE $4::text[] IS NULL OR row_name = ANY ($4) ORDER BY row_name
ON CONFLICT (run_id, name) DO UPDATE SET
    report_name = excluded.report_name, attempt = excluded.attempt, file = excluded.file, status = excluded.status,
    flaky = excluded.flaky, tries = excluded.tries, duration_ms = excluded.duration_ms, error = excluded.error,
    error_type = excluded.error_type, fingerprint = excluded.fingerprint,
    message = excluded.message, location = excluded.location,
    started_at = excluded.started_at, finished_at = excluded.finished_at
WHERE held.shard = $2
  AND (held.report_name, held.attempt, held.file, held.status, held.flaky, held.tries, held.duration_ms, held.error,
       held.error_type, held.fingerprint, held.message, held.location, held.started_at, held.finished_at)
      IS DISTINCT FROM
      (excluded.report_name, excluded.attempt, excluded.file, excluded.status, excluded.flaky, excluded.tries,
       excluded.duration_ms, excluded.error, excluded.error_type, excluded.fingerprint, excluded.message,
       excluded.location, excluded.started_at, excluded.finished_at)
"""
_TAKEN = """
SELECT staged.row_name FROM staged_cases AS staged
JOIN test_cases AS held ON held.run_id = $1 AND held.name = staged.row_name
WHERE held.shard <> $2
"""
_STAGED = "SELECT row_name FROM staged_cases WHERE row_name = ANY ($1)"
_RENAME = """
UPDATE staged_cases SET row_name = renamed.new
FROM unnest($1::text[], $2::text[]) AS renamed (old, new)
WHERE row_name = renamed.old
"""
_FORGET_TRIES = """
DELETE FROM case_tries AS held USING staged_cases AS staged
WHERE held.run_id = $1 AND held.name = staged.row_name AND NOT EXISTS (
    SELECT FROM staged_tries AS told
    WHERE told.name = staged.name AND told.try = held.try AND held.attempt = $2
      AND (told.status, told.duration_ms, told.error, told.message)
          IS NOT DISTINCT FROM (held.status, held.duration_ms, held.error, held.message)
)
"""
_ADD_TRIES = """
INSERT INTO case_tries (run_id, name, attempt, try, status, duration_ms, error, message)
SELECT $1, staged.row_name, $2, told.try, told.status, told.duration_ms, told.error, told.message
FROM staged_tries AS told JOIN staged_cases AS staged USING (name)
ORDER BY staged.row_name, told.try
ON CONFLICT (run_id, name, attempt, try) DO NOTHING
"""


async def begin_staging(connection: Connection) -> None:
    """Create the staging tables of this transaction.

    Call it, and `stage`, before the first lock is taken: other shards wait for a lock, and for no staging table.
    """
    await connection.execute(_STAGE)


async def stage(connection: Connection, cases: Iterable[Case]) -> None:
    """Add a batch to what is staged. Of several cases with one name within the batch the last is the truth."""
    by_name = {case.name: case for case in cases}
    await connection.copy_records_to_table(
        "staged_cases", records=[_case_record(case) for case in by_name.values()], columns=_CASE_COLUMNS
    )
    tries = [
        (case.name, number, one.status.value, one.duration_ms, one.error, one.message)
        for case in by_name.values()
        for number, one in enumerate(case.tries, start=1)
    ]
    if tries:
        await connection.copy_records_to_table("staged_tries", records=tries, columns=_TRY_COLUMNS)


async def merge(connection: Connection, fence: Fence) -> None:
    """Bring every staged case into a row of this shard, within a transaction that holds the fence.

    The row of another shard keeps its name, as it came first; ours then carries the shard in its name. What stands in
    the end is settled when the run ends, in `final_names`.
    """
    shard = fence.shard.index
    await connection.execute(_MERGE, fence.run_id, shard, fence.attempt, None)
    while fence.shard.total > 1:
        taken = [row["row_name"] for row in await connection.fetch(_TAKEN, fence.run_id, shard)]
        if not taken:
            break
        names = await _free_names(connection, taken, fence)
        await connection.execute(_RENAME, taken, names)
        await connection.execute(_MERGE, fence.run_id, shard, fence.attempt, names)
    await connection.execute(_FORGET_TRIES, fence.run_id, fence.attempt)
    await connection.execute(_ADD_TRIES, fence.run_id, fence.attempt)


async def save(database: Database, fence: Fence, cases: list[Case]) -> None:
    """Upsert one batch of cases while the suite runs; doing so again changes nothing.

    Raises:
        Superseded: the shard has another attempt, or this one has ended; nothing was written.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
    """

    async def step(connection: Connection) -> None:
        await begin_staging(connection)
        await stage(connection, cases)
        await hold(connection, fence)
        await merge(connection, fence)

    await database.run(step)


async def _free_names(connection: Connection, taken: list[str], fence: Fence) -> list[str]:
    """The names with the shard, and with it once more where a case of ours has that very name itself."""
    names = [shard_name(name, fence.shard) for name in taken]
    while True:
        held = {row["row_name"] for row in await connection.fetch(_STAGED, names)}
        if not held and len(set(names)) == len(names):
            return names
        for position, name in enumerate(names):
            if name in held:
                names[position] = shard_name(name, fence.shard)
            held.add(names[position])


def _case_record(case: Case) -> tuple[object, ...]:
    return (
        case.name,
        case.name,
        case.file,
        case.status.value,
        case.flaky,
        max(1, len(case.tries)),
        case.duration_ms,
        case.error,
        case.error_type,
        case.fingerprint,
        case.message,
        case.location,
        case.started_at,
        case.finished_at,
    )
