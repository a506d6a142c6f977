"""A cancelled run in PostgreSQL: no pod changes a row afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from handoff.records import AlreadyComplete, Committed, InvalidJob, Outcome
from reporter.errors import Cancelled
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import save
from reporter.results.claim import Claimant, claim, renew
from reporter.results.commit import commit
from reporter.results.database import Database, connect
from reporter.results.fencing import check_cancellation
from reporter.results.interruption import interrupt, release_lease
from reporter.results.rejection import record_rejection

Take = Callable[..., Awaitable[Fence]]
Outcomes = Callable[..., Outcome]
CANCEL = "SELECT cancel_run('r-1') AS before"
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LEASE = 120


async def finish(database: Database, fence: Fence, bench: Any, outcome: Outcome) -> Committed:
    with bench.reader() as reader:
        return (await commit(database, fence, reader, outcome, ())).receipt


async def test_a_queued_shard_of_a_cancelled_run_never_starts(
    database: Database, rows: Any, take: Take, claimants: Callable[..., Claimant]
) -> None:
    """A new shard and a redelivered one get `already_complete`, so that the worker deletes the message."""
    await take("1/2")
    rows(CANCEL)
    before = rows.versions()
    for who in (
        claimants("2/2", claim_id="new"),
        claimants("1/2", claim_id="new", message_id="m-1/2"),
        claimants("1/2", claim_id="claim"),
    ):
        assert await claim(database, who, lease=LEASE) == AlreadyComplete()
    assert rows.versions() == before


async def test_a_pod_of_a_cancelled_run_changes_no_row(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """Cases, commit, release, lease and rejection are too late and raise `Cancelled`."""
    fence = await take()
    await save(database, fence, [Case("a", Status.PASSED)])
    assert rows.one(CANCEL) == {"before": "running"}
    before = rows.versions()
    bench.write({"a": "failed", "b": "passed"})
    with pytest.raises(Cancelled):
        await save(database, fence, [Case("b", Status.PASSED)])
    with pytest.raises(Cancelled):
        await finish(database, fence, bench, outcomes())
    with bench.reader() as reader, pytest.raises(Cancelled):
        await interrupt(database, fence, reader, outcomes("interrupted", -15))
    with pytest.raises(Cancelled):
        await release_lease(database, fence, "the bucket is away")
    with pytest.raises(Cancelled):
        await renew(database, fence, lease=LEASE)
    with pytest.raises(Cancelled):
        await check_cancellation(database, fence)
    await record_rejection(
        database, InvalidJob(message_id="m", run_id="r-1", suite="checkout", reason="invalid_message", detail="x")
    )
    assert rows.versions() == before
    assert rows.one("SELECT status, total, passed FROM test_runs") == {"status": "cancelled", "total": 1, "passed": 1}


async def test_the_check_of_a_run_that_is_not_cancelled_returns(database: Database, take: Take) -> None:
    """It also returns if another attempt has the shard: the renewal of the lease detects that."""
    fence = await take()
    await check_cancellation(database, fence)
    await check_cancellation(database, Fence(fence.run_id, fence.shard, 7))


@pytest.mark.parametrize("first", ["cancel", "commit"])
async def test_either_a_cancel_or_the_last_commit_wins(
    *, database_url: str, rows: Any, take: Take, bench: Any, outcomes: Outcomes, first: str
) -> None:
    """Both wait for the run's row. The first one decides, and the other one changes no row."""
    fence = await take()
    bench.write({"a": "passed"})

    async def committed() -> str:
        async with connect(database_url, patience=30) as own:
            try:
                await finish(own, fence, bench, outcomes())
            except Cancelled:
                return "cancelled"
            return "passed"

    async def cancelled() -> Any:
        return await asyncio.to_thread(rows.one, CANCEL)

    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM test_runs FOR NO KEY UPDATE")
        order = [cancelled, committed] if first == "cancel" else [committed, cancelled]
        tasks = []
        for waiting, step in enumerate(order, start=1):
            tasks.append(asyncio.create_task(step()))
            async with asyncio.timeout(60):
                while len(await asyncio.to_thread(rows, WAITING)) < waiting:
                    await asyncio.sleep(0.05)
        holder.rollback()
    answers = dict(zip(order, await asyncio.gather(*tasks), strict=True))
    won = "cancelled" if first == "cancel" else "passed"
    assert answers[committed] == won
    assert answers[cancelled] == {"before": "running" if first == "cancel" else "passed"}
    assert rows.one("SELECT status, finished_at IS NOT NULL AS ended FROM test_runs") == {"status": won, "ended": True}
    assert rows.one("SELECT status, lease_until FROM test_shards") == {"status": won, "lease_until": None}


WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_a_claim_that_waits_for_a_cancel_sees_it(
    database_url: str, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """The pod read the run as queued. After the lock, it reads the current row."""
    rows("INSERT INTO test_runs (run_id, suite, status, shards) VALUES ('r-1', 'checkout', 'queued', 1)")
    async with connect(database_url, patience=30) as own:
        with psycopg.connect(database_url) as canceller:
            canceller.execute(CANCEL.encode())
            asking = asyncio.create_task(claim(own, claimants(), lease=LEASE))
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(rows, WAITING):
                    await asyncio.sleep(0.05)
            canceller.commit()
        assert await asking == AlreadyComplete()
    assert rows("SELECT FROM test_shards") == []


async def test_cases_that_a_pod_writes_while_a_cancel_waits_for_it_are_counted(
    database_url: str, rows: Any, take: Take
) -> None:
    """The cancel takes its snapshot before it waits for the shard's row, and must count with a later snapshot."""
    await take()
    with psycopg.connect(database_url) as pod:
        pod.execute("SELECT FROM test_shards FOR NO KEY UPDATE")
        pod.execute(
            "INSERT INTO test_cases (run_id, day, name, shard, attempt, status) "
            "SELECT run_id, day, 'a', 1, 1, 'passed' FROM test_runs"
        )
        cancelling = asyncio.create_task(asyncio.to_thread(rows, CANCEL))
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(rows, WAITING):
                await asyncio.sleep(0.05)
        pod.commit()
    await cancelling
    assert rows.one("SELECT cases FROM test_shards") == {"cases": 1}
    assert rows.one("SELECT total FROM test_runs") == {"total": 1}
