"""What becomes of the message: the whole policy as tables."""

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
from worker import policy
from worker.policy import Delete, Leave, Reject, Release, Retry, Verdict

BUSY = Busy(retry_after=120, same_message=True)


@pytest.mark.parametrize(
    ("decision", "receives", "verdict"),
    [
        (Run(attempt=1), 1, None),
        (AlreadyComplete(), 1, Verdict(Delete(), 0)),
        (Busy(retry_after=120, same_message=False), 3, Verdict(Delete(), 0)),
        (BUSY, 1, Verdict(Release(120), 0)),
        (BUSY, 2, Verdict(Release(240), 0)),
        (BUSY, 3, Verdict(Release(480), 0)),
        (BUSY, 4, Verdict(Release(900), 0)),
        (BUSY, 10**9, Verdict(Release(900), 0)),
        (Busy(retry_after=1, same_message=True), 10, Verdict(Release(512), 0)),
        (Busy(retry_after=1, same_message=True), 11, Verdict(Release(900), 0)),
        (Rejected(reason="other_total", detail="shard: x"), 1, Verdict(Reject("other_total", "shard: x"), 0)),
        (Unavailable(detail="x"), 1, Verdict(Retry("x"), 75)),
    ],
)
def test_admission(decision: Decision, receives: int, verdict: Verdict | None) -> None:
    """A message delivered twice backs off, one enqueued twice goes, and only `run` runs."""
    assert policy.on_admission(decision, receive_count=receives) == verdict


@pytest.mark.parametrize(
    ("result", "undisturbed", "interrupted"),
    [
        (Committed(status="errored"), Verdict(Delete(), 0), Verdict(Delete(), 0)),
        (Interrupted(cases=1), Verdict(Release(0), 143), Verdict(Release(0), 143)),
        (Superseded(), Verdict(Leave(), 0), Verdict(Leave(), 0)),
        (Cancelled(), Verdict(Delete(), 0), Verdict(Delete(), 0)),
        (Failed(detail="x"), Verdict(Retry("x"), 75), Verdict(Release(0), 143)),
    ],
)
def test_receipt(result: Result, undisturbed: Verdict, interrupted: Verdict) -> None:
    """Only `committed` and `cancelled` delete, and a pod that was told to stop says so by its exit code."""
    assert policy.on_receipt(result, interrupted=False) == undisturbed
    assert policy.on_receipt(result, interrupted=True) == interrupted


def test_silence() -> None:
    """Without a receipt nothing is acknowledged, and the reporter may still commit."""
    assert policy.on_silence("x", interrupted=False) == Verdict(Retry("x", unsure=True), 75)
    assert policy.on_silence("x", interrupted=True) == Verdict(Release(0), 143)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (Committed(status="errored"), Verdict(Reject("unknown_suite", "suite: x"), 0)),
        (Failed(detail="x"), Verdict(Retry("x"), 75)),
        (Interrupted(), Verdict(Release(0), 143)),
        (Superseded(), Verdict(Leave(), 0)),
    ],
)
def test_receipt_of_a_rejection(result: Result, verdict: Verdict) -> None:
    """A message goes to the dead-letter queue only after its run says why."""
    assert policy.on_rejection_receipt(result, Reject("unknown_suite", "suite: x")) == verdict
