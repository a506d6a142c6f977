"""A sweep in PostgreSQL: it ends abandoned shards and no shard that may be alive."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from handoff.records import AlreadyComplete, Busy, Outcome, Run
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.abandonment import QueueEvidence
from reporter.results.case_rows import save
from reporter.results.claim import Claimant, claim, renew
from reporter.results.commit import commit
from reporter.results.database import Database, connect
from reporter.results.sweep import Swept, sweep

Take = Callable[..., Awaitable[Fence]]
Outcomes = Callable[..., Outcome]
RUN = "SELECT status, detail, shards_done, total, finished_at IS NOT NULL AS ended FROM test_runs"
AGE_RUN = "UPDATE test_runs SET queued_at = now() - interval '3 h', started_at = started_at - interval '3 h'"
AGE_SHARD = "UPDATE test_shards SET lease_until = now() - interval '2 h' WHERE status = 'running' AND shard = "
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def evidence(*dead: int, empty: bool = False) -> QueueEvidence:
    return QueueEvidence(older_than=3600, dead=frozenset(("r-1", shard) for shard in dead), empty=empty, retention=1e9)


async def swept(database: Database, *dead: int, empty: bool = False) -> list[Swept]:
    return [swept async for swept in sweep(database, evidence(*dead, empty=empty))]


async def finish(database: Database, fence: Fence, bench: Any, outcome: Outcome) -> str:
    with bench.reader() as reader:
        return (await commit(database, fence, reader, outcome, ())).receipt.status


async def test_a_dead_lettered_shard_ends_its_run_with_partial_results(
    database: Database, rows: Any, take: Take
) -> None:
    """Shard and run are errored, the partial rows count, and the run has metrics."""
    fence = await take()
    await save(database, fence, [Case("a", Status.PASSED)])
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    (found,) = await swept(database, 1)
    detail = "abandoned: 1 attempt gave no result, the last on pod; its message is in the dead-letter queue"
    assert rows.one(RUN) == {"status": "errored", "detail": detail, "shards_done": 1, "total": 1, "ended": True}
    assert rows.one("SELECT status, outcome, detail, attempt, cases, lease_until FROM test_shards") == {
        "status": "errored", "outcome": "abandoned", "detail": detail, "attempt": 1, "cases": 1, "lease_until": None
    }  # fmt: skip
    assert found.verdict is not None
    assert (found.verdict.run_id, found.verdict.status, found.verdict.cases) == ("r-1", "errored", 1)


async def test_a_run_that_no_pod_ever_claimed_ends(database: Database, rows: Any) -> None:
    """Its shards have no rows and get none."""
    rows("INSERT INTO test_runs (run_id, suite, status, shards, queued_at) "
         "VALUES ('r-1', 'checkout', 'queued', 2, now() - interval '3 h')")  # fmt: skip
    assert await swept(database, 1) == []
    (found,) = await swept(database, 1, 2)
    assert rows.one(RUN) == {
        "status": "errored",
        "detail": "shard 1/2: abandoned: it was never claimed; its message is in the dead-letter queue",
        "shards_done": 0,
        "total": 0,
        "ended": True,
    }
    assert found.verdict is not None
    assert (found.verdict.seconds, found.verdict.retries) == (0, 0)
    assert rows("SELECT FROM test_shards") == []


async def test_a_second_sweep_changes_nothing(database: Database, rows: Any, take: Take) -> None:
    """The CronJob repeats the sweep."""
    await take("1/2")
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    assert len(await swept(database, 1)) == 1
    before = rows.versions()
    assert await swept(database, 1) == []
    assert rows.versions() == before


@pytest.mark.parametrize("lease", ["now() + interval '1 s'", "now() - interval '50 min'"])
async def test_a_valid_or_recently_expired_lease_is_not_changed(
    database: Database, rows: Any, take: Take, lease: str
) -> None:
    """This holds for any state of the queues."""
    await take()
    rows(AGE_RUN)
    rows(f"UPDATE test_shards SET lease_until = {lease}")
    before = rows.versions()
    assert await swept(database, 1, empty=True) == []
    assert rows.versions() == before


async def test_a_shard_whose_message_may_come_is_not_abandoned(database: Database, rows: Any, take: Take) -> None:
    """The queue holds messages, and the dead-letter queue holds the message of another shard."""
    await take("1/2")
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    before = rows.versions()
    assert await swept(database, 2) == []
    assert rows.versions() == before


async def test_a_run_waits_for_its_living_shards(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """The abandoned shard is errored at once. The last commit ends the run with the worst verdict."""
    await take("1/2", claim_id="1")
    living = await take("2/2", claim_id="2")
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    (found,) = await swept(database, 1)
    assert found.verdict is None
    assert rows.one(RUN)["status"] == "running"
    bench.write({"a": "passed"})
    assert await finish(database, living, bench, outcomes()) == "passed"
    assert rows.one("SELECT status, shards_done FROM test_runs") == {"status": "errored", "shards_done": 2}


async def test_a_redrive_runs_an_abandoned_shard_again_while_its_run_has_no_verdict(
    *, database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes, claimants: Callable[..., Claimant]
) -> None:
    """The verdict of the new attempt replaces the abandonment."""
    await take("1/2", claim_id="1")
    living = await take("2/2", claim_id="2")
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    await swept(database, 1)
    again = await take("1/2", claim_id="again")
    assert again.attempt == 2
    bench.write({"a": "passed"})
    for fence in (again, living):
        await finish(database, fence, bench, outcomes())
    assert rows.one("SELECT status FROM test_runs") == {"status": "passed"}
    who = claimants("1/2", claim_id="late")
    assert await claim(database, who, lease=120) == AlreadyComplete()


async def test_a_late_pod_of_an_abandoned_shard_changes_nothing(
    *, database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes, claimants: Callable[..., Claimant]
) -> None:
    """The pod was frozen for hours. The fence stops it, and a redelivered message finds the run finished."""
    late = await take()
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    await swept(database, 1)
    before = rows.versions()
    bench.write({"a": "passed"})
    with pytest.raises(Superseded):
        await renew(database, late, lease=120)
    with pytest.raises(Superseded):
        await finish(database, late, bench, outcomes())
    who = claimants(claim_id="again")
    assert await claim(database, who, lease=120) == AlreadyComplete()
    assert rows.versions() == before


async def test_a_late_pod_of_an_abandoned_shard_is_stopped_while_the_run_goes_on(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """Its commit does not count as complete: the sweep ended the shard."""
    late = await take("1/2", claim_id="1")
    await take("2/2", claim_id="2")
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    await swept(database, 1)
    bench.write({"a": "passed"})
    with pytest.raises(Superseded):
        await renew(database, late, lease=120)
    with pytest.raises(Superseded):
        await finish(database, late, bench, outcomes())


async def test_a_renewal_that_comes_first_saves_the_shard(database_url: str, rows: Any, take: Take) -> None:
    """The sweep waits for the shard's row and then reads the new lease."""
    await take()
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    async with connect(database_url, patience=30) as own:
        with psycopg.connect(database_url) as holder:
            holder.execute("UPDATE test_shards SET lease_until = now() + interval '1 min'")
            sweeping = asyncio.create_task(swept(own, 1))
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(rows, WAITING):
                    await asyncio.sleep(0.05)
            holder.commit()
        assert await sweeping == []
    assert rows.one("SELECT status FROM test_shards") == {"status": "running"}


async def test_a_run_with_a_concurrent_claim_is_skipped(database_url: str, rows: Any, take: Take) -> None:
    """Its row is locked, and the sweep does not wait."""
    await take()
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")
    async with connect(database_url, patience=30) as own, asyncio.timeout(60):
        with psycopg.connect(database_url) as holder:
            holder.execute("SELECT FROM test_runs FOR NO KEY UPDATE")
            assert await swept(own, 1) == []


async def test_concurrent_sweeps_and_claims_give_each_shard_one_outcome(
    database_url: str, rows: Any, take: Take, claimants: Callable[..., Claimant]
) -> None:
    """Ten sweeps and ten claims: one pod claims the shard, or one sweep abandons it and ends the run."""
    await take()
    rows(AGE_RUN)
    rows(AGE_SHARD + "1")

    async def pod(number: int) -> Any:
        async with connect(database_url, patience=30) as own:
            return await claim(own, claimants(claim_id=f"c-{number}", message_id="m"), lease=120)

    async def cron() -> list[Swept]:
        async with connect(database_url, patience=30) as own:
            return await swept(own, 1)

    answers = await asyncio.gather(*(pod(number) for number in range(10)), *(cron() for _ in range(10)))
    claims, sweeps = answers[:10], [one for found in answers[10:] for one in found]
    ran = [one for one in claims if isinstance(one, Run)]
    assert len(ran) + len(sweeps) == 1
    others = Busy(retry_after=120, same_message=True) if ran else AlreadyComplete()
    assert all(one == others for one in claims if not isinstance(one, Run))
    assert rows.one("SELECT status FROM test_runs") == {"status": "running" if ran else "errored"}
