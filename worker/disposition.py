"""What becomes of the message, decided as data; `consumer` acts on it."""

import math
from dataclasses import dataclass

from handoff.records import (
    AlreadyComplete,
    Busy,
    Cancelled,
    Committed,
    Decision,
    Failed,
    Interrupted,
    Rejected,
    Result,
    Run,
    Superseded,
    Unavailable,
)
from worker import exit_codes

MAX_DELAY = 900
"""Seconds: a message that is busy elsewhere looks again at least every quarter of an hour."""

RETRY_FACTOR = 4
"""By how much the delay before the next attempt grows with each receive."""
MAX_RETRY_DELAY = 3600
"""Seconds; the longest delay before jitter. SQS allows 12 h in all."""
JITTER = 0.25
"""Greatest part of a delay that is added to it, so that a whole queue does not come back at once."""
OUT_OF_RECEIVES = "out_of_receives"


@dataclass(frozen=True, slots=True)
class Delete:
    """The message is dealt with."""


@dataclass(frozen=True, slots=True)
class Release:
    """The message becomes visible to others after `delay` seconds."""

    delay: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """The message can never succeed: dead-letter queue, then delete."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed for a passing reason; `Backoff.settle` makes it a `Release` or, at the last receive, `Reject`.

    `unsure`: the reporter may still commit, so the message is never rejected.
    """

    detail: str
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """The message is another worker's by now: nothing is acknowledged."""


Settled = Delete | Release | Reject | Leave
Acknowledgement = Settled | Retry


@dataclass(frozen=True, slots=True)
class Disposition:
    """What to tell the queue, and the worker's exit code."""

    acknowledgement: Acknowledgement
    exit_code: int


HANDLED = Disposition(Delete(), exit_codes.HANDLED)
INTERRUPTED = Disposition(Release(), exit_codes.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how late a message is tried again: the first delay in seconds, and the queue's maxReceiveCount."""

    first_delay: int
    max_receives: int

    def delay(self, receive_count: int, jitter: float) -> int:
        """Return the seconds before the next attempt: the first delay, multiplied with each receive, and the jitter.

        `jitter` is between 0 and 1, the part of `JITTER` that is added.
        """
        steps = min(receive_count - 1, MAX_RETRY_DELAY.bit_length())
        delay: int = min(self.first_delay * RETRY_FACTOR**steps, MAX_RETRY_DELAY)
        return math.ceil(delay * (1 + JITTER * jitter))

    def settle(self, acknowledgement: Acknowledgement, *, receive_count: int, jitter: float) -> Settled:
        """Return what to do with the message.

        A `Retry` at the last receive is a `Reject` with the reason: SQS would move the message without one.
        """
        if not isinstance(acknowledgement, Retry):
            return acknowledgement
        if receive_count >= self.max_receives and not acknowledgement.unsure:
            return Reject(OUT_OF_RECEIVES, acknowledgement.detail)
        return Release(self.delay(receive_count, jitter))


def try_again(detail: str, *, unsure: bool = False) -> Disposition:
    """Return the disposition after an attempt that failed for a passing reason."""
    return Disposition(Retry(detail, unsure), exit_codes.TRY_AGAIN)


def on_admission(decision: Decision, *, receive_count: int) -> Disposition | None:
    """What the reporter's answer to the claim means for the message; None says that the suite may start.

    A message that is delivered twice backs off from its own holder, twice as long with each receive; one that was
    enqueued twice goes, because the holder's own message still guards the shard.
    """
    match decision:
        case Run():
            return None
        case AlreadyComplete():
            return HANDLED
        case Busy(same_message=True, retry_after=lease):
            doublings = min(receive_count - 1, MAX_DELAY.bit_length())
            return Disposition(Release(min(lease * 2**doublings, MAX_DELAY)), exit_codes.HANDLED)
        case Busy():
            return HANDLED
        case Rejected(reason=reason, detail=detail):
            return Disposition(Reject(reason, detail), exit_codes.HANDLED)
        case Unavailable(detail=detail):
            return try_again(detail)


def on_receipt(result: Result, *, interrupted: bool) -> Disposition:
    """What the reporter's receipt means for the message; `interrupted`: this pod received SIGTERM."""
    match result:
        case Committed() | Cancelled():
            return HANDLED
        case Interrupted():
            return INTERRUPTED
        case Superseded():
            return Disposition(Leave(), exit_codes.HANDLED)
        case Failed(detail=detail):
            return INTERRUPTED if interrupted else try_again(detail)


def on_rejection_receipt(result: Result, rejection: Reject) -> Disposition:
    """As `on_receipt`, for a run that was only to be recorded as errored: recorded, its message is rejected."""
    disposed = on_receipt(result, interrupted=False)
    return Disposition(rejection, exit_codes.HANDLED) if isinstance(disposed.acknowledgement, Delete) else disposed


def on_silence(detail: str, *, interrupted: bool) -> Disposition:
    """Return the action for a missing receipt: the reporter may be slow, and commit later."""
    return INTERRUPTED if interrupted else try_again(detail, unsure=True)
