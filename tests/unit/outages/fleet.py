"""A queue, a shard and pods in virtual time: models of SQS and PostgreSQL, and the programs' own decisions."""

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from handoff.message import JobMessage, Shard
from handoff.records import Decision, Run
from reporter.results.admission import Holder, admit
from reporter.results.claim import Claimant, RunRow, ShardRow, decide
from worker import disposition, heartbeat
from worker.disposition import Release

VISIBILITY = 120
LEASE = 120
MAX_RECEIVES = 5
JOB = JobMessage(run_id="r-1", suite="checkout", shard=Shard(index=1, total=1))
START = datetime(2026, 11, 21, tzinfo=UTC)


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Queue:
    """One message of SQS: hidden until a moment, and dead at the next receive after `MAX_RECEIVES`."""

    visible_at: float = 0
    receives: int = 0
    dead: bool = False
    deleted: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> int:
        """Wait for the message by long polling and return its receive count."""
        while now() < self.visible_at:
            await asyncio.sleep(self.visible_at - now())
        if self.receives == MAX_RECEIVES:
            self.dead = True
            self.ended.set()
        if self.dead or self.deleted:
            await asyncio.Event().wait()
        self.receives += 1
        self.hide(VISIBILITY)
        return self.receives

    def hide(self, seconds: float) -> None:
        self.visible_at = now() + seconds


@dataclass
class Shards:
    """The shard's row; its clock is the loop's."""

    row: ShardRow | None = None
    lease_until: float = 0

    def claim(self, claim_id: str) -> Decision:
        if self.row is not None and self.row.status == "running":
            self.row = ShardRow(self.row.claim_id, self.row.attempt, "running", self.lease_until > now(), "m-1")
        who = Claimant(job=JOB, claim_id=claim_id, message_id="m-1", worker="pod")
        decision = decide(who, RunRow(suite="checkout", shards=1, finished=False), self.row, lease=LEASE)
        if isinstance(decision, Run):
            self.row = ShardRow(claim_id, decision.attempt, "running", leased=True, message_id="m-1")
            self.lease_until = now() + LEASE
        return decision

    def look(self) -> Holder | None:
        if self.row is None or self.row.status != "running":
            return None
        until = START + timedelta(seconds=self.lease_until)
        return Holder(self.row.attempt, until, self.lease_until - now())

    def renew(self, attempt: int) -> None:
        if self.row is not None and self.row.attempt == attempt and self.row.status == "running":
            self.lease_until = now() + LEASE

    def give_back(self, claim_id: str) -> None:
        if self.row is not None and self.row.claim_id == claim_id and self.row.status == "running":
            self.row = ShardRow(claim_id, self.row.attempt, "interrupted", leased=False, message_id="m-1")


@dataclass
class Fleet:
    """Pods as KEDA creates them: one of them polls for the message at any time."""

    queue: Queue = field(default_factory=Queue)
    shards: Shards = field(default_factory=Shards)
    claim_seconds: float = 0.0
    """Seconds that a claim takes. They shift the renewals of the lease against those of the visibility timeout."""
    starts: list[float] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def pod(self) -> None:
        """Receive the message, claim the shard and run its suite without an end, or end if the claim fails."""
        receives = await self.queue.receive()
        claim_id = f"claim-{next(self._ids)}"
        done = asyncio.Event()

        async def extend() -> None:
            self.queue.hide(VISIBILITY)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(heartbeat.beat(extend, every=VISIBILITY / 3, until=done))
            decision = await self.admission(claim_id)
            if isinstance(decision, Run):
                self.starts.append(now())
                await self.renew(decision.attempt)
            done.set()
        disposed = disposition.on_admission(decision, receive_count=receives)
        assert disposed is not None
        if isinstance(disposed.action, Release):
            self.queue.hide(disposed.action.delay)
        else:
            self.queue.deleted = True

    async def admission(self, claim_id: str) -> Decision:
        async def claim() -> Decision:
            await asyncio.sleep(self.claim_seconds)
            return self.shards.claim(claim_id)

        async def look() -> Holder | None:
            return self.shards.look()

        return await admit(claim, look, lease=LEASE)

    async def renew(self, attempt: int) -> None:
        while True:
            self.shards.renew(attempt)
            await asyncio.sleep(LEASE / 3)

    async def next_start(self) -> float:
        """Run one pod after the other until the suite starts again. Return the time."""
        before = len(self.starts)
        while len(self.starts) == before:
            pod = asyncio.create_task(self.pod())
            while len(self.starts) == before and not pod.done():
                await asyncio.sleep(0.5)
            await kill(pod)
        return self.starts[-1]


async def kill(pod: "asyncio.Task[None]") -> None:
    """End a pod like a dying node: none of its tasks runs afterwards."""
    pod.cancel()
    await asyncio.wait({pod})
