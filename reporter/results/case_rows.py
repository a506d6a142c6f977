"""Writes cases as rows: COPY into temporary tables, then one ordered merge under the fence."""

from collections.abc import Iterable
from datetime import date

from reporter.fence import Fence
from reporter.junit.case import Case
from reporter.junit.names import shard_name
from reporter.results.database import Connection, Database
from reporter.results.fencing import hold

_STAGE = """
CREATE TEMP TABLE staged_cases (
    name text NOT NULL,     -- name in the shard's report
    row_name text NOT NULL, -- name of the row: with the shard if another shard's row has the plain name
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

# Two shards with the same names lock them in the same order. A row without a change is not written.
_MERGE = """
INSERT INTO test_cases AS held (run_id, day, name, report_name, shard, attempt, file, status, flaky, tries,
                               duration_ms, error, error_type, fingerprint, message, location, started_at, finished_at)
SELECT $1, $5, row_name, nullif(name, row_name), $2, $3, file, status, flaky, tries, duration_ms, error,
       error_type, fingerprint, message, location, started_at, finished_at
FROM staged_cases WHERE $4::text[] IS NULL OR row_name = ANY ($4) ORDER BY row_name
ON CONFLICT (run_id, name, day) DO UPDATE SET
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
JOIN test_cases AS held ON held.run_id = $1 AND held.day = $3 AND held.name = staged.row_name
WHERE held.shard <> $2
"""
_STAGED = "SELECT row_name FROM staged_cases WHERE row_name = ANY ($1)"
_RENAME = """
UPDATE staged_cases SET row_name = renamed.new
FROM unnest($1::text[], $2::text[]) AS renamed (old, new)
WHERE row_name = renamed.old
"""
_DELETE_OLD_TRIES = """
DELETE FROM case_tries AS held USING staged_cases AS staged
WHERE held.run_id = $1 AND held.day = $3 AND held.name = staged.row_name AND NOT EXISTS (
    SELECT FROM staged_tries AS new
    WHERE new.name = staged.name AND new.try = held.try AND held.attempt = $2
      AND (new.status, new.duration_ms, new.error, new.message)
          IS NOT DISTINCT FROM (held.status, held.duration_ms, held.error, held.message)
)
"""
_ADD_TRIES = """
INSERT INTO case_tries (run_id, day, name, attempt, try, status, duration_ms, error, message)
SELECT $1, $3, staged.row_name, $2, new.try, new.status, new.duration_ms, new.error, new.message
FROM staged_tries AS new JOIN staged_cases AS staged USING (name)
ORDER BY staged.row_name, new.try
ON CONFLICT (run_id, name, attempt, try, day) DO NOTHING
"""


async def begin_staging(connection: Connection) -> None:
    """Create the staging tables of this transaction.

    Call it and `stage` before the first lock, so that other shards do not wait for the staging.
    """
    await connection.execute(_STAGE)


async def stage(connection: Connection, cases: Iterable[Case]) -> None:
    """Stage a batch of cases. If a name occurs several times in the batch, the last case counts."""
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


async def merge(connection: Connection, fence: Fence, day: date) -> None:
    """Write every staged case as a row of this shard. The transaction must hold the fence. `day` is that of the run.

    If another shard's row has the name, the name of the new row contains the shard. `final_names` gives the final names
    when the run ends.
    """
    shard = fence.shard.index
    await connection.execute(_MERGE, fence.run_id, shard, fence.attempt, None, day)
    while fence.shard.total > 1:
        taken = [row["row_name"] for row in await connection.fetch(_TAKEN, fence.run_id, shard, day)]
        if not taken:
            break
        names = await _free_names(connection, taken, fence)
        await connection.execute(_RENAME, taken, names)
        await connection.execute(_MERGE, fence.run_id, shard, fence.attempt, names, day)
    await connection.execute(_DELETE_OLD_TRIES, fence.run_id, fence.attempt, day)
    await connection.execute(_ADD_TRIES, fence.run_id, fence.attempt, day)


async def save(database: Database, fence: Fence, cases: list[Case]) -> None:
    """Write one batch of cases while the suite runs. A second call changes no row.

    Raises:
        Superseded: the shard has another attempt, or this one has ended; nothing was written.
        DatabaseOutOfReach, DatabaseRefused: as `Database.run`; nothing was written.
    """

    async def step(connection: Connection) -> None:
        await begin_staging(connection)
        await stage(connection, cases)
        await merge(connection, fence, await hold(connection, fence))

    await database.run(step)


async def _free_names(connection: Connection, taken: list[str], fence: Fence) -> list[str]:
    """Return the names with the shard. If a staged case has such a name itself, the shard is appended again."""
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
