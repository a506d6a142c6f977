"""Admissions with PostgreSQL: the leases of dead pods are awaited, and interrupted claims are withdrawn."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import psycopg
import pytest
from pydantic import SecretStr

from handoff import volume
from handoff.records import Admission, Busy, Decision, JobRecord, Run, ValidJob
from reporter.fence import Fence
from reporter.files.bucket import Bucket
from reporter.results.admission import admit
from reporter.results.claim import Claimant, claim, read_holder, renew, withdraw
from reporter.results.database import Connection, Database, connect
from reporter.session import Session
from reporter.settings import ReporterSettings

Claimants = Callable[..., Claimant]
T = TypeVar("T")
SHARD = "SELECT attempt, status, lease_until FROM test_shards"


async def admission(database: Database, who: Claimant, *, lease: int) -> Decision:
    async with asyncio.timeout(60):
        return await admit(
            partial(claim, database, who, lease=lease),
            partial(read_holder, database, who),
            lease=lease,
        )


async def test_a_redelivery_waits_for_the_end_of_a_dead_pods_lease(
    database: Database, rows: Any, claimants: Claimants
) -> None:
    """The next attempt starts when the lease has expired, within the same receive."""
    assert await admission(database, claimants(claim_id="dead"), lease=2) == Run(attempt=1)
    ends = rows.one("SELECT lease_until FROM test_shards")["lease_until"]
    assert await admission(database, claimants(claim_id="heir"), lease=2) == Run(attempt=2)
    started = rows.one("SELECT started_at FROM test_shards")["started_at"]
    assert 0 <= (started - ends).total_seconds() < 5


async def test_a_redelivery_beside_a_living_holder_is_busy(
    database_url: str, database: Database, rows: Any, claimants: Claimants
) -> None:
    """Two renewals prove that the holder lives."""
    assert await admission(database, claimants(claim_id="holder"), lease=3) == Run(attempt=1)

    async def hold() -> None:
        async with connect(database_url, patience=30) as own:
            while True:
                await renew(own, Fence("r-1", claimants().job.shard, 1), lease=3)
                await asyncio.sleep(0.2)

    holding = asyncio.create_task(hold())
    try:
        # A slow machine may delay the renewals, but by less than a lease of 120 s.
        assert await admission(database, claimants(claim_id="other"), lease=3) == Busy(retry_after=3, same_message=True)
    finally:
        holding.cancel()
        await asyncio.wait({holding})
    assert rows.one("SELECT claim_id, attempt FROM test_shards") == {"claim_id": "holder", "attempt": 1}


async def test_a_claim_that_was_interrupted_in_its_commit_is_withdrawn(
    database_url: str, database: Database, rows: Any, claimants: Claimants
) -> None:
    """`withdraw` waits for a claim that still holds the run's row, and then reads its result."""
    rows("INSERT INTO test_runs (run_id, suite, status, shards, started_at) "
         "VALUES ('r-1', 'checkout', 'running', 1, now())")  # fmt: skip
    with psycopg.connect(database_url) as cut_off:
        cut_off.execute("SELECT FROM test_runs FOR NO KEY UPDATE")
        cut_off.execute(
            "INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, lease_until, worker, message_id, "
            "started_at) VALUES ('r-1', 1, 'claim', 1, 'running', now() + interval '120 s', 'pod', 'm-1', now())"
        )
        withdrawing = asyncio.create_task(withdraw(database, claimants()))
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(rows, "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                await asyncio.sleep(0.01)
        cut_off.commit()
        await withdrawing
    assert rows.one(SHARD) == {"attempt": 1, "status": "interrupted", "lease_until": None}


async def test_a_shard_of_another_claim_is_not_withdrawn(database: Database, rows: Any, claimants: Claimants) -> None:
    """A pod withdraws only its own claim."""
    await claim(database, claimants(claim_id="holder"), lease=120)
    before = rows.versions()
    await withdraw(database, claimants(claim_id="other"))
    assert rows.versions() == before


class Unheard(Database):
    """Commits the first step and loses the answer, so that its caller waits without an end."""

    def __init__(self, database: Database) -> None:
        super().__init__(database._pool, patience=30)
        self.committed = asyncio.Event()

    async def run(self, step: Callable[[Connection], Awaitable[T]], *, patience: float | None = None) -> T:
        result = await super().run(step, patience=patience)
        if not self.committed.is_set():
            self.committed.set()
            await asyncio.Event().wait()
        return result


@pytest.mark.parametrize("admitted", [False, True])
async def test_a_reporter_stopped_around_its_admission_releases_the_lease(
    *, database: Database, rows: Any, claimants: Claimants, tmp_path: Path, admitted: bool
) -> None:
    """SIGTERM before and after `admission.json`: the redelivery starts the next attempt at once."""
    (tmp_path / "artifacts").mkdir()
    settings = ReporterSettings(
        database_url=SecretStr("postgresql://unused@127.0.0.1/none"),
        bucket="qa-unused",
        HANDOFF_DIR=tmp_path,
        ARTIFACTS_DIR=tmp_path / "artifacts",
    )
    who = claimants()
    valid = ValidJob(claim_id=who.claim_id, message_id=who.message_id, receive_count=1, worker="pod", job=who.job)
    volume.write(tmp_path, JobRecord(valid))
    stop, unheard = asyncio.Event(), Unheard(database)
    used = database if admitted else unheard
    async with asyncio.timeout(60):
        serving = asyncio.create_task(Session(settings, used, cast("Bucket", None)).run(stop))
        if admitted:
            await volume.wait_for(tmp_path, Admission, timeout=30)
        else:
            await unheard.committed.wait()
        stop.set()
        await serving
    assert rows.one(SHARD) == {"attempt": 1, "status": "interrupted", "lease_until": None}
    assert (volume.read(tmp_path, Admission) is not None) is admitted
    assert await claim(database, claimants(claim_id="next"), lease=120) == Run(attempt=2)
