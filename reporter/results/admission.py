"""Admitting a job: its claim, repeated while a lease of the same message may be that of a dead pod."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from handoff.records import Busy, Decision

LOOK_SECONDS = 5.0
"""Longest time between two claims: how late a lease that was given back early is noticed."""
MARGIN_SECONDS = 0.1
"""Added to what remains of a lease, so that the next claim finds it over."""
ALIVE = 2
"""Renewals that prove a living holder. A pod that is being stopped just after its claim may still renew once."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Holder:
    """A lease as the database shows it: `lease_until` and `remaining` (seconds) by its clock."""

    attempt: int
    lease_until: datetime
    remaining: float


async def admit(
    claim: Callable[[], Awaitable[Decision]],
    look: Callable[[], Awaitable[Holder | None]],
    *,
    lease: int,
    progress: Callable[[], None] = lambda: None,
) -> Decision:
    """Claim until the answer is final; `lease` is in seconds.

    SQS delivers a message again after its pod has died, and the pod's lease may last a little longer than the message
    was hidden. To wait for its end costs no receive, so `busy` is final only where the holder has another message, was
    seen to renew twice, or holds its lease for longer than two leases. `progress` is called after each look.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 2 * lease
    seen: set[tuple[int, datetime]] = set()
    while isinstance(decision := await claim(), Busy) and decision.same_message and loop.time() < deadline:
        holder = await look()
        progress()
        remaining = 0.0
        if holder is not None:
            seen.add((holder.attempt, holder.lease_until))
            remaining = max(holder.remaining, 0)
        if len(seen) > ALIVE:
            break
        if len(seen) == 1:
            _log.info("lease_awaited", remaining=round(remaining, 1))
        await asyncio.sleep(min(remaining + MARGIN_SECONDS, LOOK_SECONDS))
    return decision
