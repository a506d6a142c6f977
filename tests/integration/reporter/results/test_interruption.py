"""Interrupted attempts in PostgreSQL: their rows stay, and their lease is released."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handoff.records import Interrupted, Outcome
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.results.database import Database
from reporter.results.interruption import interrupt, release_lease

RUN_OUT = "UPDATE test_shards SET lease_until = now() - interval '1 s' WHERE status = 'running'"

Outcomes = Callable[..., Outcome]

Take = Callable[..., Awaitable[Fence]]


async def test_partial_results_stay_after_an_interruption(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """The completed cases are stored. The shard has no lease, and the run has no end."""
    fence = await take()
    bench.write({"a": "passed", "b": "failed"})
    with bench.reader() as reader:
        for _ in range(2):  # the second call changes nothing
            receipt = await interrupt(database, fence, reader, outcomes("interrupted", -15))
            assert receipt == Interrupted(cases=2)
    assert rows.one("SELECT status, outcome, exit_code, lease_until, cases FROM test_shards") == {
        "status": "interrupted", "outcome": "interrupted", "exit_code": -15, "lease_until": None, "cases": 2
    }  # fmt: skip
    assert rows.one("SELECT status, shards_done, finished_at FROM test_runs") == {
        "status": "running", "shards_done": 0, "finished_at": None
    }  # fmt: skip
    assert (await take(claim_id="next")).attempt == 2


async def test_a_pod_whose_shard_was_taken_interrupts_nothing(
    database: Database, rows: Any, take: Take, bench: Any
) -> None:
    """Neither an interrupted nor a failed pod changes the lease of its successor."""
    lost = await take(claim_id="lost")
    rows(RUN_OUT)
    await take(claim_id="new")
    bench.write({"a": "passed"})
    before = rows.versions()
    with bench.reader() as reader, pytest.raises(Superseded):
        await interrupt(database, lost, reader, None)
    with pytest.raises(Superseded):
        await release_lease(database, lost, "the bucket is away")
    assert rows.versions() == before


async def test_a_released_lease_has_a_reason(database: Database, rows: Any, take: Take) -> None:
    """After a failure, the shard can be claimed at once, and its row has the reason."""
    await release_lease(database, await take(), "the bucket is away")
    assert rows.one("SELECT status, detail, lease_until FROM test_shards") == {
        "status": "interrupted", "detail": "the bucket is away", "lease_until": None
    }  # fmt: skip
