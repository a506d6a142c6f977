"""A silent database: packets vanish, and no connection is closed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from handoff import volume
from handoff.records import Committed, Failed, Outcome
from reporter.attempt import FLUSH_SECONDS, Attempt
from reporter.fence import Fence
from reporter.files.bucket import bucket
from reporter.progress import Steps
from reporter.results import database as database_module
from reporter.results.database import connect
from tests.support.wire import Wire

LIMIT = 20
"""Seconds until a test fails. Each test takes a few."""
GROWING = "<testsuites><testsuite>{}"
CASES = "SELECT name, attempt FROM test_cases ORDER BY 1"


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    """A proxy that forwards."""
    with Wire(database_url) as wire:
        yield wire


@pytest.fixture(autouse=True)
def _aws(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 1)


async def until(condition: Callable[[], Any], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within {LIMIT} s: {what}")


@pytest.mark.parametrize("within", ["transaction", "connecting"])
async def test_a_cancelled_step_ends_at_once_on_a_silent_connection(wire: Wire, within: str) -> None:
    """The clean-up of the connection fails, and the cancellation is still raised, so that no loop retries."""
    async with connect(wire.url, patience=LIMIT, statement_seconds=LIMIT) as database:
        if within == "transaction":
            await database.run(lambda connection: connection.fetchval("SELECT 1"))
        wire.silence()
        step = asyncio.create_task(database.run(lambda connection: connection.fetchval("SELECT 1")))
        await until(
            lambda: wire.accepted and (within == "connecting" or wire.held.is_set()), "a step without an answer"
        )
        step.cancel()
        await asyncio.wait({step}, timeout=5)
        assert step.cancelled()


@dataclass
class Scene:
    """An attempt whose database falls silent during the write of a batch."""

    wire: Wire
    bucket: str
    bench: Any
    handoff: Path
    rows: Any
    fence: Fence
    outcome: Outcome
    stop: asyncio.Event

    @asynccontextmanager
    async def silent(
        self, *, statement_seconds: float, patience: float, flush: float = FLUSH_SECONDS
    ) -> AsyncIterator[asyncio.Task[Any]]:
        connection = connect(self.wire.url, patience=patience, statement_seconds=statement_seconds)
        async with connection as database, bucket(self.bucket) as qa:
            with self.bench.reader() as reader:
                place = (self.handoff, self.bench.artifacts)
                attempt = Attempt(
                    self.fence,
                    database,
                    qa,
                    reader,
                    *place,
                    lease=60,
                    progress=Steps(),
                    flush=flush,
                )
                running = asyncio.create_task(attempt.run(self.stop))
                self.bench.write_text(GROWING.format('<testcase name="a"/>'))
                await until(lambda: self.rows(CASES), "a live row")
                self.wire.silence()
                self.bench.write_text(GROWING.format('<testcase name="a"/><testcase name="b"/>'))
                await until(self.wire.held.is_set, "a statement without an answer")
                yield running

    def end(self) -> None:
        self.bench.write({"a": "passed", "b": "passed"})
        volume.write(self.handoff, self.outcome)


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, wire: Wire, aws: Any, tmp_path: Path, take: Callable[..., Awaitable[Fence]]
) -> Scene:
    """A claimed shard of two cases."""
    handoff = tmp_path / "handoff"
    handoff.mkdir()
    bench, rows, outcomes = (request.getfixturevalue(name) for name in ("bench", "rows", "outcomes"))
    return Scene(wire, aws.bucket, bench, handoff, rows, await take(), outcomes(), asyncio.Event())


def logged(logs: list[Any], event: str) -> int:
    return sum(line["event"] == event for line in logs)


async def test_a_suite_that_ends_while_the_database_is_silent_is_committed_once(scene: Scene) -> None:
    """The tail ends although its connection is silent. The commit succeeds once the database is back."""
    with capture_logs() as logs:
        async with scene.silent(statement_seconds=3, patience=LIMIT) as running:
            scene.end()
            await until(lambda: logged(logs, "artifacts_uploaded"), "the end of the tail")
            tries = logged(logs, "database_retry")
            await until(lambda: logged(logs, "database_retry") > tries, "a commit that failed")
            scene.wire.restore()
            async with asyncio.timeout(LIMIT):
                assert await running == Committed(status="passed", cases=2, artifacts=1)
    assert scene.rows(CASES) == [{"name": "a", "attempt": 1}, {"name": "b", "attempt": 1}]


@pytest.mark.parametrize("ended", [False, True])
async def test_sigterm_ends_an_attempt_whose_database_is_silent(scene: Scene, ended: bool) -> None:
    """With and without an outcome, the results get the flush period after SIGTERM. The lease expires by itself."""
    with capture_logs() as logs:
        async with scene.silent(statement_seconds=600, patience=600, flush=0.5) as running:
            if ended:
                scene.end()
                await until(lambda: logged(logs, "artifacts_uploaded"), "the uploads")
            scene.stop.set()
            async with asyncio.timeout(8):
                assert await running == Failed(detail="the results were not durable 0.5 s after SIGTERM")
    scene.wire.restore()
    assert scene.rows("SELECT status, attempt FROM test_shards") == [{"status": "running", "attempt": 1}]
