"""The disposition of a message: the action on the queue and the exit code, as data. `consumer` acts on it."""

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
"""Maximum seconds before a message with the admission `busy` becomes visible again."""

RETRY_FACTOR = 4
"""Factor by which the delay before the next attempt grows with each receive."""
MAX_RETRY_DELAY = 3600
"""Maximum delay in seconds, without jitter. SQS allows 12 h in total."""
JITTER = 0.25
"""Maximum part of a delay that is added to it, so that many messages do not become visible at once."""
OUT_OF_RECEIVES = "out_of_receives"


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the message: it is handled."""


@dataclass(frozen=True, slots=True)
class Release:
    """Make the message visible to others after `delay` seconds."""

    delay: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """Send the message to the dead-letter queue, then delete it: it can never succeed."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the message again: the attempt failed for a passing reason.

    `Backoff.settle` replaces it by a `Release`, or by a `Reject` at the last receive. `unsure` means that the reporter
    may still commit. Such a message is never rejected.
    """

    detail: str
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Do nothing: another worker has received the message."""


Settled = Delete | Release | Reject | Leave
Action = Settled | Retry


@dataclass(frozen=True, slots=True)
class Disposition:
    """The action on the queue, and the worker's exit code."""

    action: Action
    exit_code: int


HANDLED = Disposition(Delete(), exit_codes.HANDLED)
INTERRUPTED = Disposition(Release(), exit_codes.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The back-off: the first delay in seconds, and the queue's maxReceiveCount."""

    first_delay: int
    max_receives: int

    def delay(self, receive_count: int, jitter: float) -> int:
        """Return the seconds before the next attempt. The first delay grows by `RETRY_FACTOR` with each receive.

        `jitter` is between 0 and 1: the part of `JITTER` that is added.
        """
        steps = min(receive_count - 1, MAX_RETRY_DELAY.bit_length())
        delay: int = min(self.first_delay * RETRY_FACTOR**steps, MAX_RETRY_DELAY)
        return math.ceil(delay * (1 + JITTER * jitter))

    def settle(self, action: Action, *, receive_count: int, jitter: float) -> Settled:
        """Return the action on the message.

        A `Retry` at the last receive becomes a `Reject`, because SQS would move the message without a reason.
        """
        if not isinstance(action, Retry):
            return action
        if receive_count >= self.max_receives and not action.unsure:
            return Reject(OUT_OF_RECEIVES, action.detail)
        return Release(self.delay(receive_count, jitter))


def try_again(detail: str, *, unsure: bool = False) -> Disposition:
    """Return the disposition after an attempt that failed for a passing reason."""
    return Disposition(Retry(detail, unsure), exit_codes.TRY_AGAIN)


def on_admission(decision: Decision, *, receive_count: int) -> Disposition | None:
    """Return the disposition for an admission, or None if the suite may start.

    A message that SQS delivered twice waits for its holder, twice as long with each receive. A message that was
    enqueued twice is deleted, because the holder's own message still guards the shard.
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
    """Return the disposition for a receipt. `interrupted` means that this pod received SIGTERM."""
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
    """Return the disposition for the receipt of an invalid job: `rejection` once the reporter has recorded it."""
    disposition = on_receipt(result, interrupted=False)
    return Disposition(rejection, exit_codes.HANDLED) if isinstance(disposition.action, Delete) else disposition


def on_silence(detail: str, *, interrupted: bool) -> Disposition:
    """Return the disposition for a missing receipt. The reporter may be slow and commit later."""
    return INTERRUPTED if interrupted else try_again(detail, unsure=True)
