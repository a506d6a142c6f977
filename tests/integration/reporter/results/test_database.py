"""Failures of a failover with a real server: the step runs again, with one effect."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reporter.errors import DatabaseOutOfReach, DatabaseRefused
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import begin_staging, merge, stage
from reporter.results.database import Connection, Database, connect
from reporter.results.fencing import hold

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'testfleet-reporter'"


async def test_a_connection_that_dies_within_the_transaction_changes_no_row(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]]
) -> None:
    """The step runs again on another connection, and the rows are those of an undisturbed run."""
    fence = await take()
    tries: list[int] = []

    async def step(connection: Connection) -> None:
        await begin_staging(connection)
        await stage(connection, [Case("a", Status.PASSED)])
        await merge(connection, fence, await hold(connection, fence))
        tries.append(await connection.fetchval("SELECT pg_backend_pid()"))
        if len(tries) == 1:
            await asyncio.to_thread(rows, KILL)

    await database.run(step)
    assert len(set(tries)) == 2
    assert rows("SELECT name, attempt FROM test_cases") == [{"name": "a", "attempt": 1}]


async def test_a_lost_answer_to_a_commit_changes_nothing(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]]
) -> None:
    """The connection dies after the commit. The step runs again with the committed rows."""
    fence = await take()
    versions: list[Any] = []

    async def step(connection: Connection) -> None:
        await begin_staging(connection)
        await stage(connection, [Case("a", Status.PASSED)])
        await merge(connection, fence, await hold(connection, fence))
        versions.append(await asyncio.to_thread(rows.versions))
        if len(versions) == 1:
            await connection.execute("COMMIT")  # the COMMIT after the step then fails
            versions[0] = await asyncio.to_thread(rows.versions)
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await database.run(step)
    assert len(versions) == 2
    assert versions[0] == versions[1]


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN RAISE SQLSTATE '40P01' USING MESSAGE = 'x'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '40001' USING MESSAGE = 'x'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '53300' USING MESSAGE = 'x'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '57P01' USING MESSAGE = 'x'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '57P03' USING MESSAGE = 'x'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '28P01' USING MESSAGE = 'x'; END $$",
        "SET statement_timeout = 1; SELECT pg_sleep(5)",
        "SET transaction_read_only = on; CREATE TABLE t ()",
        "SELECT pg_terminate_backend(pg_backend_pid())",
    ],
)
async def test_a_passing_failure_is_retried(database: Database, statement: str) -> None:
    """Deadlock, failover, shutdown and too many connections: the second execution succeeds."""
    tries = 0

    async def step(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            await connection.execute(statement)
        return tries

    assert await database.run(step) == 2


@pytest.mark.parametrize("statement", ["SELECT nothing", "SELECT 1/0", "SELECT * FROM nowhere"])
async def test_a_refusal_is_raised_at_once(database: Database, statement: str) -> None:
    """It is not retried."""
    tries = 0

    async def step(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(statement)

    with pytest.raises(DatabaseRefused, match="the database can't be used: "):
        await database.run(step)
    assert tries == 1


async def test_a_step_fails_when_the_patience_ends() -> None:
    """The error has the reason in one line."""
    async with connect("postgresql://qa@127.0.0.1:1/none", patience=0.5) as database, asyncio.timeout(20):
        with pytest.raises(DatabaseOutOfReach, match="the database is out of reach"):
            await database.run(lambda connection: connection.execute("SELECT 1"))


async def test_a_statement_without_an_answer_fails(database_url: str) -> None:
    """Its connection is not used again."""
    pids: list[int] = []

    async def step(connection: Connection) -> None:
        pids.append(await connection.fetchval("SELECT pg_backend_pid()"))
        if len(pids) == 1:
            await connection.execute("SELECT pg_sleep(60)")

    async with connect(database_url, patience=30, statement_seconds=0.5) as database, asyncio.timeout(30):
        await database.run(step)
    assert len(set(pids)) == 2
