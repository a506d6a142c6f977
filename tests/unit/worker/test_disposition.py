"""The disposition of a message, as tables."""

import pytest

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
from worker import disposition
from worker.disposition import Delete, Disposition, Leave, Reject, Release, Retry

BUSY = Busy(retry_after=120, same_message=True)


@pytest.mark.parametrize(
    ("decision", "receives", "expected"),
    [
        (Run(attempt=1), 1, None),
        (AlreadyComplete(), 1, Disposition(Delete(), 0)),
        (Busy(retry_after=120, same_message=False), 3, Disposition(Delete(), 0)),
        (BUSY, 1, Disposition(Release(120), 0)),
        (BUSY, 2, Disposition(Release(240), 0)),
        (BUSY, 3, Disposition(Release(480), 0)),
        (BUSY, 4, Disposition(Release(900), 0)),
        (BUSY, 10**9, Disposition(Release(900), 0)),
        (Busy(retry_after=1, same_message=True), 10, Disposition(Release(512), 0)),
        (Busy(retry_after=1, same_message=True), 11, Disposition(Release(900), 0)),
        (Rejected(reason="other_total", detail="shard: x"), 1, Disposition(Reject("other_total", "shard: x"), 0)),
        (Unavailable(detail="x"), 1, Disposition(Retry("x"), 75)),
    ],
)
def test_admission(decision: Decision, receives: int, expected: Disposition | None) -> None:
    """A message delivered twice is hidden, one enqueued twice is deleted, and only `run` starts the suite."""
    assert disposition.on_admission(decision, receive_count=receives) == expected


@pytest.mark.parametrize(
    ("result", "undisturbed", "interrupted"),
    [
        (Committed(status="errored"), Disposition(Delete(), 0), Disposition(Delete(), 0)),
        (Interrupted(cases=1), Disposition(Release(0), 143), Disposition(Release(0), 143)),
        (Superseded(), Disposition(Leave(), 0), Disposition(Leave(), 0)),
        (Cancelled(), Disposition(Delete(), 0), Disposition(Delete(), 0)),
        (Failed(detail="x"), Disposition(Retry("x"), 75), Disposition(Release(0), 143)),
    ],
)
def test_receipt(result: Result, undisturbed: Disposition, interrupted: Disposition) -> None:
    """Only `committed` and `cancelled` delete the message. An interrupted pod exits with 143."""
    assert disposition.on_receipt(result, interrupted=False) == undisturbed
    assert disposition.on_receipt(result, interrupted=True) == interrupted


def test_silence() -> None:
    """Without a receipt the message is tried again, because the reporter may still commit."""
    assert disposition.on_silence("x", interrupted=False) == Disposition(Retry("x", unsure=True), 75)
    assert disposition.on_silence("x", interrupted=True) == Disposition(Release(0), 143)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Committed(status="errored"), Disposition(Reject("unknown_suite", "suite: x"), 0)),
        (Failed(detail="x"), Disposition(Retry("x"), 75)),
        (Interrupted(), Disposition(Release(0), 143)),
        (Superseded(), Disposition(Leave(), 0)),
    ],
)
def test_receipt_of_a_rejection(result: Result, expected: Disposition) -> None:
    """A message is dead-lettered only after its run has recorded the reason."""
    assert disposition.on_rejection_receipt(result, Reject("unknown_suite", "suite: x")) == expected
