"""The cost of a crash at every phase of the lease and the visibility timeout."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from handoff.records import AlreadyComplete, Busy, Decision, Run
from reporter.results.admission import ALIVE, Holder, admit
from tests.support import virtual_time
from tests.unit.outages.fleet import LEASE, START, VISIBILITY, Fleet, kill, now

BOUND = VISIBILITY + 15
"""Seconds from a crash to the start of the next attempt."""


@pytest.mark.parametrize("claim_seconds", [0, 1.5, 13, 39.9])
def test_a_crash_costs_one_receive_and_at_most_the_visibility_timeout(claim_seconds: float) -> None:
    """A crash at each of 180 moments over 126 s. The renewals of lease and visibility timeout have different phases."""

    async def crash(after: float) -> tuple[int, float]:
        fleet = Fleet(claim_seconds=claim_seconds)
        first = asyncio.create_task(fleet.pod())
        await asyncio.sleep(after)
        await kill(first)
        crashed = now()
        fleet.claim_seconds = min(claim_seconds, 1.5)
        seconds = await fleet.next_start() - crashed
        return fleet.queue.receives, seconds

    for phase in range(1, 181):
        receives, seconds = virtual_time.run(crash(after=phase * 0.7))
        assert (receives, seconds <= BOUND) == (2, True), f"{receives} receives and {seconds:.1f} s, {phase=}"


@pytest.mark.parametrize("released_after", [0.0, 1.0, 8.0, 30.0, None], ids=str)
def test_sigterm_before_the_admission_costs_one_receive(released_after: float | None) -> None:
    """The message is visible at once. The stopped reporter releases its claim late or never."""

    async def stop(after: float) -> tuple[int, float]:
        fleet = Fleet()
        await fleet.queue.receive()
        await asyncio.sleep(after)
        fleet.shards.claim("dying")
        fleet.queue.hide(0)
        stopped = now()
        dying = asyncio.create_task(die(fleet))
        seconds = await fleet.next_start() - stopped
        dying.cancel()
        return fleet.queue.receives, seconds

    async def die(fleet: Fleet) -> None:
        await asyncio.sleep(0.5)
        fleet.shards.renew(1)  # the attempt begins with a renewal
        if released_after is not None:
            await asyncio.sleep(released_after)
            fleet.shards.give_back("dying")

    for phase in range(60):
        receives, seconds = virtual_time.run(stop(after=phase * 0.7))
        assert receives == 2
        assert seconds <= (BOUND if released_after is None else released_after + 6)


@dataclass
class Script:
    """The holders that successive looks at the database return."""

    alive_until: float
    every: float = LEASE / 3
    length: float = LEASE
    complete_at: float | None = None

    async def claim(self) -> Decision:
        if self.complete_at is not None and now() >= self.complete_at:
            return AlreadyComplete()
        return Busy(retry_after=LEASE, same_message=True) if self.lease_until() > now() else Run(attempt=2)

    def lease_until(self) -> float:
        last = min(now(), self.alive_until)
        return last - last % self.every + self.length

    async def look(self) -> Holder | None:
        return Holder(1, START + timedelta(seconds=self.lease_until()), self.lease_until() - now())


def ask(script: Script) -> tuple[Decision, float]:
    async def main() -> tuple[Decision, float]:
        decision = await admit(script.claim, script.look, lease=LEASE)
        return decision, now()

    return virtual_time.run(main())


def test_a_living_holder_keeps_a_second_pod_for_two_renewals() -> None:
    """A message that was delivered twice does not block a pod until the suite ends."""
    decision, seconds = ask(Script(alive_until=1e9))
    assert isinstance(decision, Busy)
    assert seconds <= ALIVE * LEASE / 3 + 6


def test_a_holder_that_completes_its_shard_ends_the_wait() -> None:
    """The next look notices the end."""
    decision, seconds = ask(Script(alive_until=1e9, complete_at=20))
    assert decision == AlreadyComplete()
    assert seconds <= 26


def test_the_lease_of_a_holder_that_dies_after_one_renewal_is_awaited() -> None:
    """One renewal does not prove a living holder."""
    decision, seconds = ask(Script(alive_until=45))
    assert decision == Run(attempt=2)
    assert seconds <= 40 + LEASE + 1


def test_the_wait_for_a_longer_lease_ends_after_two_leases() -> None:
    """Two reporters may have different settings."""
    decision, seconds = ask(Script(alive_until=0, length=43200))
    assert isinstance(decision, Busy)
    assert seconds <= 2 * LEASE + 6


def test_another_message_is_answered_at_once() -> None:
    """A job that was enqueued twice need not wait: the holder's own message completes the shard."""

    async def claim() -> Decision:
        return Busy(retry_after=LEASE, same_message=False)

    async def main() -> float:
        assert isinstance(await admit(claim, Script(0).look, lease=LEASE), Busy)
        return now()

    assert virtual_time.run(main()) == 0
