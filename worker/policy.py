"""What becomes of the message, decided as data; `session` acts on it."""

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
class Leave:
    """The message is another worker's by now: nothing is acknowledged."""


Acknowledgement = Delete | Release | Reject | Leave


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the queue, and the worker's exit code."""

    acknowledgement: Acknowledgement
    exit_code: int


HANDLED = Verdict(Delete(), exit_codes.HANDLED)
TRY_AGAIN = Verdict(Release(), exit_codes.TRY_AGAIN)
INTERRUPTED = Verdict(Release(), exit_codes.INTERRUPTED)


def on_admission(decision: Decision, *, receive_count: int) -> Verdict | None:
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
            return Verdict(Release(min(lease * 2**doublings, MAX_DELAY)), exit_codes.HANDLED)
        case Busy():
            return HANDLED
        case Rejected(reason=reason, detail=detail):
            return Verdict(Reject(reason, detail), exit_codes.HANDLED)
        case Unavailable():
            return TRY_AGAIN


def on_receipt(result: Result, *, interrupted: bool) -> Verdict:
    """What the reporter's receipt means for the message; `interrupted` says that this pod was told to stop."""
    match result:
        case Committed() | Cancelled():
            return HANDLED
        case Interrupted():
            return INTERRUPTED
        case Superseded():
            return Verdict(Leave(), exit_codes.HANDLED)
        case Failed():
            return on_silence(interrupted=interrupted)


def on_rejection_receipt(result: Result, rejection: Reject) -> Verdict:
    """As `on_receipt`, for a run that was only to be recorded as errored: recorded, its message is rejected."""
    verdict = on_receipt(result, interrupted=False)
    return Verdict(rejection, exit_codes.HANDLED) if isinstance(verdict.acknowledgement, Delete) else verdict


def on_silence(*, interrupted: bool) -> Verdict:
    """What it means that no receipt came in time."""
    return INTERRUPTED if interrupted else TRY_AGAIN
