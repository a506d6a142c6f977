"""The cost of an outage: half an hour without database, bucket or Secrets Manager dead-letters no message."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from handoff.records import Committed, Failed, Unavailable
from testfleet.local.aws.endpoint import MAX_RECEIVES as LOCAL_MAX_RECEIVES
from tests.support import virtual_time
from tests.unit.outages.fleet import MAX_RECEIVES, Queue, now
from worker import disposition
from worker.disposition import Backoff, Delete, Disposition, Reject, Release, Retry, Settled
from worker.settings import WorkerSettings

DEFAULTS = {name: field.default for name, field in WorkerSettings.model_fields.items()}
BACKOFF = Backoff(first_delay=DEFAULTS["retry_delay"], max_receives=DEFAULTS["max_receives"])
OUTAGE = 30 * 60
TEMPLATE = Path(__file__).parents[3] / "deploy" / "aws" / "queue.yaml"


@dataclass
class World:
    """One message, pods that take it whenever it is visible, and an outage."""

    outage_at: float
    failing: float
    """Seconds until a step gives up during the outage: 0 for a missing table, 300 for a silent database."""
    suite: float = 60
    jitter: float = 0
    backoff: Backoff = BACKOFF
    outage: float = OUTAGE

    async def run(self, receives: int) -> Queue:
        """Serve the message until it is deleted or dead. It had `receives` receives before."""
        queue = Queue(receives=receives)
        serving = asyncio.create_task(self._pods(queue))
        await queue.ended.wait()
        serving.cancel()
        return queue

    async def _pods(self, queue: Queue) -> None:
        while True:
            await self._pod(queue)

    async def _pod(self, queue: Queue) -> None:
        received = await queue.receive()
        action = await self._hidden(queue, received)
        match action:
            case Delete():
                queue.deleted = True
                queue.ended.set()
            case Release(delay):
                queue.hide(delay)
            case _:
                queue.dead = True
                queue.ended.set()

    async def _hidden(self, queue: Queue, received: int) -> Settled:
        queue.hide(1e9)  # the worker extends the visibility timeout during the execution
        disposed = await self._disposition()
        return self.backoff.settle(disposed.action, receive_count=received, jitter=self.jitter)

    async def _disposition(self) -> Disposition:
        if await self._fails():
            disposed = disposition.on_admission(Unavailable(detail="no answer"), receive_count=1)
            assert disposed is not None
            return disposed
        await asyncio.sleep(self.suite)
        if await self._fails():
            return disposition.on_receipt(Failed(detail="no answer"), interrupted=False)
        return disposition.on_receipt(Committed(status="passed"), interrupted=False)

    async def _fails(self) -> bool:
        """Return whether the step fails. It succeeds if the outage ends within its patience."""
        if self._away():
            await asyncio.sleep(self.failing)
        return self._away()

    def _away(self) -> bool:
        return self.outage_at <= now() < self.outage_at + self.outage


@pytest.mark.parametrize("jitter", [0.0, 1.0])
@pytest.mark.parametrize("failing", [0, 26, 300])
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_an_outage_of_half_an_hour_dead_letters_no_message(lost: int, failing: float, jitter: float) -> None:
    """It may start at any time, and crashes may have used up to three of the five receives."""
    for outage_at in range(-OUTAGE, 2000, 53):
        world = World(outage_at, failing, jitter=jitter, suite=600)
        queue = virtual_time.run(world.run(receives=lost))
        assert queue.deleted, f"the message is dead, {outage_at=}"


def test_a_short_outage_costs_a_short_wait() -> None:
    """Twenty seconds without a table cost one receive and less than a minute."""

    async def main() -> tuple[int, float]:
        queue = await World(0, failing=0, suite=0, jitter=1, outage=20).run(receives=0)
        return queue.receives, now()

    receives, seconds = virtual_time.run(main())
    assert receives == 2
    assert seconds < 60


def test_without_a_delay_the_outage_would_dead_letter_the_message() -> None:
    """The model reproduces the failure that the back-off prevents."""
    world = World(0, failing=4, backoff=Backoff(first_delay=0, max_receives=MAX_RECEIVES))
    assert virtual_time.run(world.run(receives=0)).dead


@pytest.mark.parametrize(
    ("receives", "jitter", "delay"),
    [
        (1, 0.0, 30), (2, 0.0, 120), (3, 0.0, 480), (4, 0.0, 1920), (5, 0.0, 3600), (10**9, 0.0, 3600),
        (1, 1.0, 38), (4, 1.0, 2400), (9, 1.0, 4500),
    ],
)  # fmt: skip
def test_the_delay_grows_with_the_receives(receives: int, jitter: float, delay: int) -> None:
    """It is 30 s, four times as long with each receive, at most an hour, plus up to a quarter."""
    assert BACKOFF.delay(receives, jitter) == delay


@pytest.mark.parametrize(
    ("action", "receives", "settled"),
    [
        (Retry("why"), 4, Release(1920)),
        (Retry("why"), 5, Reject("out_of_receives", "why")),
        (Retry("why"), 6, Reject("out_of_receives", "why")),
        (Retry("why", unsure=True), 5, Release(3600)),
        (Release(), 5, Release()),
        (Delete(), 5, Delete()),
    ],
)
def test_the_last_receive_dead_letters_with_the_reason(
    action: disposition.Action, receives: int, settled: Settled
) -> None:
    """SQS would move the message without a reason. A slow reporter may still commit, so its message stays."""
    assert BACKOFF.settle(action, receive_count=receives, jitter=0) == settled


def test_the_worker_counts_as_many_receives_as_the_queues_do() -> None:
    """The template, the fleet on a laptop, this model and the worker's default agree."""
    text = TEMPLATE.read_text().split("MaxReceiveCount:", 1)[1]
    default = yaml.safe_load(text.split("Default:", 1)[1].splitlines()[0])
    assert BACKOFF.max_receives == LOCAL_MAX_RECEIVES == MAX_RECEIVES == default
