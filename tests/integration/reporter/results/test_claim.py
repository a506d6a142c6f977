"""Claims in PostgreSQL: exactly one of several concurrent claims wins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handoff.records import AlreadyComplete, Busy, Rejected, Run, Unavailable
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.results.claim import Claimant, claim, renew
from reporter.results.database import Database, connect

LEASE = 120
RUN_OUT = "UPDATE test_shards SET lease_until = now() - interval '1 second'"


async def ask(database: Database, who: Claimant) -> Any:
    return await claim(database, who, lease=LEASE)


async def test_the_first_claim_makes_run_and_shard(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """A run that was not enqueued is running. Its shard has attempt 1 and a lease."""
    assert await ask(database, claimants("2/4")) == Run(attempt=1)
    run = rows.one("SELECT suite, shards, status, started_at IS NOT NULL AS started FROM test_runs")
    assert run == {"suite": "checkout", "shards": 4, "status": "running", "started": True}
    shard = rows.one(
        "SELECT shard, attempt, status, worker, message_id, lease_until > now() AS leased FROM test_shards"
    )
    assert shard == {
        "shard": 2, "attempt": 1, "status": "running", "worker": "pod", "message_id": "m-1", "leased": True
    }  # fmt: skip


async def test_one_of_twenty_concurrent_claims_wins(
    database_url: str, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """Twenty pods with twenty connections claim one new shard: one runs, the others are busy."""

    async def pod(number: int) -> Any:
        async with connect(database_url, patience=30) as database:
            return await ask(database, claimants(claim_id=f"c-{number}", message_id=f"m-{number % 2}"))

    decisions = await asyncio.gather(*(pod(number) for number in range(20)))
    assert [one for one in decisions if isinstance(one, Run)] == [Run(attempt=1)]
    assert sum(isinstance(one, Busy) for one in decisions) == 19
    winner = int(rows.one("SELECT claim_id FROM test_shards")["claim_id"].removeprefix("c-"))
    for number, one in enumerate(decisions):
        if number != winner:
            assert one == Busy(retry_after=LEASE, same_message=number % 2 == winner % 2)


async def test_one_of_twenty_claims_for_a_dead_pods_shard_wins(
    database_url: str, database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """After the lease has expired, exactly one of them gets the next attempt."""
    await ask(database, claimants(claim_id="dead"))
    rows(RUN_OUT)

    async def pod(number: int) -> Any:
        async with connect(database_url, patience=30) as own:
            return await ask(own, claimants(claim_id=f"c-{number}"))

    decisions = await asyncio.gather(*(pod(number) for number in range(20)))
    assert [one for one in decisions if isinstance(one, Run)] == [Run(attempt=2)]


async def test_shards_of_a_new_run_claimed_at_once_all_run(
    database_url: str, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """The first claims of a run compete for its row, and none is lost."""

    async def pod(number: int) -> Any:
        async with connect(database_url, patience=30) as database:
            return await ask(database, claimants(f"{number}/12", claim_id=f"c-{number}"))

    assert await asyncio.gather(*(pod(number) for number in range(1, 13))) == [Run(attempt=1)] * 12
    assert rows.one("SELECT count(*) AS n FROM test_shards") == {"n": 12}


async def test_a_repeated_claim_gets_its_attempt_again(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """A reporter that died between its claim and its admission continues, even if its lease has expired."""
    assert await ask(database, claimants()) == Run(attempt=1)
    rows(RUN_OUT)
    assert await ask(database, claimants()) == Run(attempt=1)
    assert rows.one("SELECT attempt, lease_until > now() AS leased FROM test_shards") == {"attempt": 1, "leased": True}


async def test_an_enqueued_run_is_started_and_keeps_what_was_registered(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """`enqueue` fixes suite and total; the first claim starts the run."""
    rows("INSERT INTO test_runs (run_id, suite, branch, status, shards, queued_at) "
         "VALUES ('r-1', 'checkout', 'main', 'queued', 2, now())")  # fmt: skip
    assert await ask(database, claimants("1/2")) == Run(attempt=1)
    run = rows.one("SELECT status, branch, shards, started_at IS NOT NULL AS started FROM test_runs")
    assert run == {"status": "running", "branch": "main", "shards": 2, "started": True}


@pytest.mark.parametrize(
    ("shard", "suite", "reason", "field"),
    [("1/3", "checkout", "other_total", "shard"), ("2/2", "login", "other_suite", "suite")],
)
async def test_a_contradiction_is_rejected_and_changes_no_row(
    database: Database,
    rows: Any,
    claimants: Callable[..., Claimant],
    *,
    shard: str,
    suite: str,
    reason: str,
    field: str,
) -> None:
    """A message with another total or suite than its run is rejected with the reason."""
    await ask(database, claimants("1/2"))
    before = rows.versions()
    decision = await ask(database, claimants(shard, suite=suite, claim_id="other"))
    assert isinstance(decision, Rejected)
    assert decision.reason == reason
    assert decision.detail.startswith(f"{field}: must be")
    assert rows.versions() == before


async def test_a_complete_shard_is_not_run_again(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """A redelivered message after the commit changes no row."""
    await ask(database, claimants("1/2"))
    rows("UPDATE test_shards SET status = 'failed', lease_until = NULL, finished_at = now()")
    before = rows.versions()
    for claim_id in ("claim", "other"):
        assert await ask(database, claimants("1/2", claim_id=claim_id)) == AlreadyComplete()
    assert rows.versions() == before


async def test_a_finished_run_takes_no_new_shard(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """A message for a run with a verdict gets `already_complete`."""
    rows("INSERT INTO test_runs (run_id, status, detail, finished_at) VALUES ('r-1', 'errored', 'why', now())")
    before = rows.versions()
    assert await ask(database, claimants()) == AlreadyComplete()
    assert rows.versions() == before


async def test_an_interrupted_shard_is_free_at_once(
    database: Database, rows: Any, claimants: Callable[..., Claimant]
) -> None:
    """The next claim need not wait, and the shard's row keeps no value of the interrupted attempt."""
    await ask(database, claimants())
    rows("UPDATE test_shards SET status = 'interrupted', lease_until = NULL, finished_at = now(), detail = 'drained', "
         "outcome = 'interrupted', exit_code = -15, cases = 3")  # fmt: skip
    assert await ask(database, claimants(claim_id="next")) == Run(attempt=2)
    shard = rows.one("SELECT status, detail, outcome, exit_code, cases, finished_at FROM test_shards")
    assert shard == {
        "status": "running", "detail": None, "outcome": None, "exit_code": None, "cases": 0, "finished_at": None
    }  # fmt: skip


async def test_a_database_out_of_reach_is_unavailable(claimants: Callable[..., Claimant]) -> None:
    """When the patience ends, the decision has the reason."""
    async with connect("postgresql://qa@127.0.0.1:1/none", patience=0.3) as database:
        decision = await claim(database, claimants(), lease=LEASE)
    assert isinstance(decision, Unavailable)
    assert decision.detail.startswith("the database is out of reach: ")


async def test_a_database_without_our_tables_is_unavailable(
    empty_database_url: str, claimants: Callable[..., Claimant]
) -> None:
    """The claim of a shard in a database without tables fails at once."""
    async with connect(empty_database_url, patience=300) as database, asyncio.timeout(20):
        decision = await claim(database, claimants(), lease=LEASE)
    assert isinstance(decision, Unavailable)
    assert "test_runs" in decision.detail


async def test_renewal_moves_the_end_of_the_lease(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]]
) -> None:
    """An expired lease without a new claim is valid again."""
    fence = await take()
    rows(RUN_OUT)
    await renew(database, fence, lease=LEASE)
    assert rows.one("SELECT lease_until > now() + interval '110 s' AS leased FROM test_shards") == {"leased": True}


async def test_renewal_of_a_lost_shard_is_superseded(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]]
) -> None:
    """The lease of the new attempt is unchanged."""
    lost = await take(claim_id="lost")
    rows(RUN_OUT)
    await take(claim_id="new")
    before = rows.versions()
    with pytest.raises(Superseded):
        await renew(database, lost, lease=LEASE)
    assert rows.versions() == before


async def test_renewal_after_the_commit_changes_nothing(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]]
) -> None:
    """A late renewal raises no error and gives the complete shard no lease."""
    fence = await take()
    rows("UPDATE test_shards SET status = 'passed', lease_until = NULL, finished_at = now()")
    await renew(database, fence, lease=LEASE)
    assert rows.one("SELECT lease_until FROM test_shards") == {"lease_until": None}
