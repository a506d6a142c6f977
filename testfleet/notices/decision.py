"""What happens to a delivery after a try, as data."""

import random
from dataclasses import dataclass
from typing import TypeAlias

FIRST_DELAY = 30.0
MAX_DELAY = 3600.0
MAX_ATTEMPTS = 20
"""With the delays below, the last try is some 14 hours after the first."""

MAX_AGE = 3 * 86_400.0
"""Seconds after which a delivery that could not be sent is given up, also if its turn never came."""

GONE = 410


@dataclass(frozen=True, slots=True)
class Accepted:
    """The target has the notice."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The target does not have the notice, or its answer was lost. `retry_after` is the target's wish in seconds.

    `final`: the target wants no further notice.
    """

    reason: str
    retry_after: float | None = None
    final: bool = False


Outcome: TypeAlias = Accepted | Failed


@dataclass(frozen=True, slots=True)
class Sent:
    """Mark the delivery as sent."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds. The target's later notices wait, because they are sent in order."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """Give the delivery up. The target's next notice is tried after `delay` seconds."""

    reason: str
    delay: float


Decision: TypeAlias = Sent | Retry | Dead


def decide(outcome: Outcome, *, attempts: int, failures: int, chance: random.Random) -> Decision:
    """Return what happens to a delivery after its try number `attempts`.

    `failures` counts the failures of its target in a row before this try. The delay doubles with each, from 30 s to one
    hour, and up to a quarter more at random.
    """
    if isinstance(outcome, Accepted):
        return Sent()
    base = min(FIRST_DELAY * 2.0 ** min(failures, 20), MAX_DELAY)
    delay = base * (1 + chance.random() / 4)
    if outcome.retry_after is not None:
        delay = max(delay, min(outcome.retry_after, MAX_DELAY))
    if outcome.final:
        return Dead(outcome.reason, 0.0)
    if attempts >= MAX_ATTEMPTS:
        return Dead(f"{outcome.reason}; given up after {attempts} tries", delay)
    return Retry(delay, outcome.reason)
