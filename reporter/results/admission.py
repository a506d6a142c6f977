"""Admits a job: repeats its claim while a dead pod may still hold the lease for the same message."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from handoff.records import Busy, Decision

RECLAIM_SECONDS = 5.0
"""Longest time between two claims, in seconds. It bounds how late a lease that was released early is noticed."""
MARGIN_SECONDS = 0.1
"""Seconds added to the rest of a lease, so that the next claim finds it expired."""
ALIVE = 2
"""Number of renewals that prove a living holder. A pod that is stopped after its claim may renew once."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Holder:
    """An attempt that holds a lease. `lease_until` and `remaining` (seconds) are by the database's clock."""

    attempt: int
    lease_until: datetime
    remaining: float


async def admit(
    claim: Callable[[], Awaitable[Decision]],
    read_holder: Callable[[], Awaitable[Holder | None]],
    *,
    lease: int,
    progress: Callable[[], None] = lambda: None,
) -> Decision:
    """Claim until the decision is final, and return it. `lease` is in seconds.

    SQS delivers a message again after its pod has died, and the lease of that pod may expire a little later. Waiting
    for its end costs no receive. `busy` is therefore final only if the holder has another message, renewed twice, or
    still holds the lease after the time of two leases. `progress` is called after each read of the holder.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 2 * lease
    seen: set[tuple[int, datetime]] = set()
    while isinstance(decision := await claim(), Busy) and decision.same_message and loop.time() < deadline:
        holder = await read_holder()
        progress()
        remaining = 0.0
        if holder is not None:
            seen.add((holder.attempt, holder.lease_until))
            remaining = max(holder.remaining, 0)
        if len(seen) > ALIVE:
            break
        if len(seen) == 1:
            _log.info("lease_awaited", remaining=round(remaining, 1))
        await asyncio.sleep(min(remaining + MARGIN_SECONDS, RECLAIM_SECONDS))
    return decision
