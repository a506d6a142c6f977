"""Rejected messages in PostgreSQL: each ends its own run once, and no other run."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from handoff.records import AlreadyComplete, Committed, InvalidJob, Outcome, Rejected, Run
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import save
from reporter.results.claim import Claimant, claim, renew
from reporter.results.commit import commit
from reporter.results.database import Database, connect
from reporter.results.interruption import interrupt, release_lease
from reporter.results.rejection import record_rejection

Take = Callable[..., Awaitable[Fence]]
Outcomes = Callable[..., Outcome]
DETAIL = "invalid_message: shard: must be i/n"
LOCK_WAITERS = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def rejection(suite: str | None = "checkout") -> InvalidJob:
    return InvalidJob(message_id="m", run_id="r-1", suite=suite, reason="invalid_message", detail="shard: must be i/n")


async def reject(database: Database, suite: str | None = "checkout") -> None:
    assert await record_rejection(database, rejection(suite)) == Committed(status="errored")


async def finish(database: Database, fence: Fence, bench: Any, outcome: Outcome) -> Committed:
    with bench.reader() as reader:
        return (await commit(database, fence, reader, outcome, ())).receipt


async def blocked(rows: Any, number: int) -> None:
    """Return when `number` statements wait for a lock."""
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(rows.one, LOCK_WAITERS))["n"] < number:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("suite", [None, "nosuch"])
async def test_a_rejected_message_records_an_unknown_run_as_errored(
    database: Database, rows: Any, suite: str | None
) -> None:
    """The run has the reason. A repetition changes no row."""
    await reject(database, suite)
    before = rows.versions()
    await reject(database, suite)
    assert rows.versions() == before
    run = rows.one("SELECT run_id, suite, status, detail, finished_at IS NOT NULL AS finished FROM test_runs")
    assert run == {"run_id": "r-1", "suite": suite, "status": "errored", "finished": True, "detail": DETAIL}


@pytest.mark.parametrize(("suite", "status"), [("checkout", "errored"), (None, "errored"), ("chekout", "queued")])
async def test_a_queued_run_is_ended_by_its_own_message(
    database: Database, rows: Any, suite: str | None, status: str
) -> None:
    """An enqueued run is ended unless the message names another suite."""
    rows("INSERT INTO test_runs (run_id, suite, status, shards, queued_at) "
         "VALUES ('r-1', 'checkout', 'queued', 4, now())")  # fmt: skip
    await reject(database, suite)
    assert rows.one("SELECT status, suite FROM test_runs") == {"status": status, "suite": "checkout"}


@pytest.mark.parametrize("suite", ["chekout", None])
async def test_a_message_of_another_suite_does_not_change_a_running_run(
    *, database: Database, rows: Any, take: Take, benches: Any, outcomes: Outcomes, suite: str | None
) -> None:
    """A typo in the suite's name changes no row, and both shards get their verdict."""
    first = await take("1/2", claim_id="1")
    before = rows.versions()
    await reject(database, suite)
    assert rows.versions() == before
    benches(1).write({"a": "passed"})
    benches(2).write({"b": "passed"})
    await finish(database, first, benches(1), outcomes())
    await reject(database, suite)
    await finish(database, await take("2/2", claim_id="2"), benches(2), outcomes())
    assert rows.one("SELECT status, detail, total FROM test_runs") == {"status": "passed", "detail": None, "total": 2}


async def test_a_message_of_the_running_suite_ends_the_run_for_all_its_shards(
    *, database: Database, rows: Any, take: Take, benches: Any, outcomes: Outcomes, claimants: Callable[..., Claimant]
) -> None:
    """One shard is complete, one runs and one was never claimed. The verdict ends them all, and stays."""
    benches(1).write({"a": "passed"})
    await finish(database, await take("1/4", claim_id="1"), benches(1), outcomes())
    running = await take("3/4", claim_id="3")
    await save(database, running, [Case("b", Status.FAILED)])
    await reject(database)
    assert rows.one("SELECT status, detail, shards_done, total, passed, failed FROM test_runs") == {
        "status": "errored", "detail": DETAIL, "shards_done": 1, "total": 2, "passed": 1, "failed": 1
    }  # fmt: skip
    assert rows("SELECT shard, status, lease_until, cases, detail FROM test_shards ORDER BY 1") == [
        {"shard": 1, "status": "passed", "lease_until": None, "cases": 1, "detail": None},
        {
            "shard": 3,
            "status": "interrupted",
            "lease_until": None,
            "cases": 1,
            "detail": f"the run was ended: {DETAIL}",
        },
    ]
    before = rows.versions()
    benches(3).write({"b": "passed", "c": "passed"})
    with pytest.raises(Superseded):
        await renew(database, running, lease=120)
    with pytest.raises(Superseded):
        await save(database, running, [Case("c", Status.PASSED)])
    with pytest.raises(Superseded):
        await finish(database, running, benches(3), outcomes())
    await release_lease(database, running, "late")
    with benches(3).reader() as reader:
        await interrupt(database, running, reader, None)
    for shard in ("1/4", "2/4", "3/4", "4/4"):
        assert await claim(database, claimants(shard, claim_id="late"), lease=120) == AlreadyComplete()
    await reject(database)
    assert rows.versions() == before


async def test_a_finished_run_does_not_change(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """The verdict stays for any message."""
    bench.write({"a": "passed"})
    await finish(database, await take(), bench, outcomes())
    before = rows.versions()
    for suite in ("checkout", "chekout", None):
        await reject(database, suite)
    assert rows.versions() == before


async def test_a_late_commit_does_not_change_a_run_that_ended_without_its_shard(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """A verdict fences the shard, even if the shard's row is still `running`."""
    fence = await take()
    rows("UPDATE test_runs SET status = 'errored', finished_at = now()")
    bench.write({"a": "passed"})
    before = rows.versions()
    with pytest.raises(Superseded):
        await finish(database, fence, bench, outcomes())
    with pytest.raises(Superseded):
        await renew(database, fence, lease=120)
    assert rows.versions() == before


async def test_a_rejection_waits_for_the_batch_that_is_being_written(
    database_url: str, database: Database, rows: Any, take: Take
) -> None:
    """The transaction of the pod ends first, and its cases are in the run's totals."""
    await take()
    with psycopg.connect(database_url) as pod:
        pod.execute("SELECT FROM test_shards FOR NO KEY UPDATE")
        rejecting = asyncio.create_task(reject(database))
        await blocked(rows, 1)
        pod.execute(
            "INSERT INTO test_cases (run_id, day, name, shard, attempt, status) "
            "SELECT run_id, day, 'a', 1, 1, 'passed' FROM test_runs"
        )
        pod.commit()
        await rejecting
    assert rows.one("SELECT status, total FROM test_runs") == {"status": "errored", "total": 1}


@pytest.mark.parametrize("first", ["commit", "rejection"])
async def test_a_rejection_and_the_last_commit_give_one_verdict(
    *, database_url: str, rows: Any, take: Take, bench: Any, outcomes: Outcomes, first: str
) -> None:
    """Both wait for the run's row in a known order. The first gives the verdict, and the second changes no row."""
    fence = await take()
    bench.write({"a": "passed"})
    async with connect(database_url, patience=30) as one, connect(database_url, patience=30) as other:

        async def committed() -> str:
            try:
                return (await finish(one, fence, bench, outcomes())).status
            except Superseded:
                return "superseded"

        started: dict[str, asyncio.Task[Any]] = {}
        with psycopg.connect(database_url) as gate:
            gate.execute("SELECT FROM test_runs FOR NO KEY UPDATE")
            for number, name in enumerate((first, "rejection" if first == "commit" else "commit"), start=1):
                started[name] = asyncio.create_task(committed() if name == "commit" else reject(other))
                await blocked(rows, number)
        await asyncio.gather(*started.values())
    run = rows.one("SELECT status, shards_done, total FROM test_runs")
    if first == "commit":
        assert (started["commit"].result(), run) == ("passed", {"status": "passed", "shards_done": 1, "total": 1})
    else:
        assert (started["commit"].result(), run) == ("superseded", {"status": "errored", "shards_done": 0, "total": 0})


async def test_claims_win_over_concurrent_rejections_of_other_suites(
    database_url: str, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """Twelve shards and eight typos compete for the row of an enqueued run. Every shard runs."""
    rows("INSERT INTO test_runs (run_id, suite, status, shards, queued_at) "
         "VALUES ('r-1', 'checkout', 'queued', 12, now())")  # fmt: skip

    async def pod(number: int) -> Any:
        async with connect(database_url, patience=30) as database:
            if number > 12:
                return await record_rejection(database, rejection("chekout"))
            return await claim(database, claimants(f"{number}/12", claim_id=f"c-{number}"), lease=120)

    answers = await asyncio.gather(*(pod(number) for number in range(1, 21)))
    assert answers == [Run(attempt=1)] * 12 + [Committed(status="errored")] * 8
    assert rows.one("SELECT status, detail FROM test_runs") == {"status": "running", "detail": None}


async def test_a_rejection_that_makes_the_run_first_leaves_no_second_row(
    database_url: str, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """A claim and a rejection insert an unknown run at once. The second one uses the row of the first."""

    async def claims() -> Any:
        async with connect(database_url, patience=30) as database:
            return await claim(database, claimants(), lease=120)

    async def rejects() -> None:
        async with connect(database_url, patience=30) as database:
            await reject(database, "chekout")

    decision, _ = await asyncio.gather(claims(), rejects())
    run = rows.one("SELECT suite, status FROM test_runs")
    if decision == Run(attempt=1):
        assert run == {"suite": "checkout", "status": "running"}
    else:
        assert isinstance(decision, Rejected)
        assert run == {"suite": "chekout", "status": "errored"}
