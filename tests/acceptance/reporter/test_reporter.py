"""`python -m reporter` beside a scripted worker, on real servers."""

import signal
from collections.abc import Callable
from typing import Any

from handoff import volume
from handoff.records import (
    AlreadyComplete,
    Busy,
    Cancelled,
    Committed,
    Interrupted,
    InvalidJob,
    JobRecord,
    Rejected,
    Run,
    Superseded,
)

CASES = "SELECT name, status, attempt FROM test_cases ORDER BY 1"

Eventually = Callable[[Callable[[], Any], str], Any]


def run_to_the_end(pod: Any) -> None:
    """An undisturbed run of three cases, one of which fails."""
    pod.report("a", "b", "c", failed=("b",))
    pod.outcome(exit_code=1)
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=1)


def test_a_suite_is_tailed_while_it_runs_and_committed_at_its_end(pod: Any, aws: Any, eventually: Eventually) -> None:
    """Job, admission, live rows, outcome and receipt. Then the reporter waits for SIGTERM."""
    pod.start()
    pod.job(commit="9f2c1ab")
    assert pod.admission() == Run(attempt=1)
    pod.report("a", "b", end=False)
    eventually(lambda: len(pod.rows(CASES)) >= 1, "a live row")
    assert pod.rows("SELECT status FROM test_runs") == [{"status": "running"}]
    assert not pod.has("receipt.json")
    (pod.artifacts / "trace.zip").write_bytes(b"PK")
    pod.report("a", "b", "c", failed=("b",))
    pod.outcome(exit_code=1)
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.rows(CASES) == [
        {"name": "a", "status": "passed", "attempt": 1},
        {"name": "b", "status": "failed", "attempt": 1},
        {"name": "c", "status": "passed", "attempt": 1},
    ]
    assert pod.rows("SELECT worker, message_id, claim_id FROM test_shards") == [
        {"worker": "pod-1", "message_id": "m-1", "claim_id": "claim"}
    ]
    assert pod.rows("SELECT s3_uri, kind, bytes FROM artifacts WHERE kind = 'trace'") == [
        {"s3_uri": f"s3://{aws.bucket}/r-1/1/1/trace.zip", "kind": "trace", "bytes": 2}
    ]
    assert pod.process.poll() is None
    assert pod.stop() == 0


def test_sigterm_ends_a_reporter_that_waits_for_a_job(pod: Any, eventually: Eventually) -> None:
    """Without a job, it writes nothing and exits with 0."""
    pod.start(LOG_LEVEL="debug")
    eventually(lambda: pod.process.poll() is None and _listens(pod), "a SIGTERM handler")
    assert pod.stop() == 0
    assert list(pod.handoff.iterdir()) == []


def _listens(pod: Any) -> bool:
    with open(f"/proc/{pod.process.pid}/status") as status:  # noqa: PTH123  # one line of a kernel file
        caught = next(line.split()[1] for line in status if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_a_reporter_that_was_killed_continues_its_attempt(pod: Any, eventually: Eventually) -> None:
    """After SIGKILL during the suite, a new process finds the admission. The rows are those of an undisturbed run."""
    pod.start()
    pod.job()
    assert pod.admission() == Run(attempt=1)
    pod.report("a", "b", end=False)
    eventually(lambda: pod.rows(CASES), "a live row")
    pod.kill()
    pod.start()
    run_to_the_end(pod)
    assert {row["attempt"] for row in pod.rows(CASES)} == {1}


def test_a_reporter_that_was_killed_before_its_admission_gets_its_claim_again(pod: Any) -> None:
    """The row has the claim id, so that nothing is lost between the claim and admission.json."""
    pod.start()
    pod.job()
    pod.admission()
    pod.kill()
    (pod.handoff / "admission.json").unlink()
    pod.start()
    assert pod.admission() == Run(attempt=1)
    run_to_the_end(pod)


def test_a_reporter_that_was_killed_before_its_receipt_writes_the_same(pod: Any) -> None:
    """Nothing happens twice between the commit and receipt.json."""
    pod.start()
    pod.job()
    run_to_the_end(pod)
    before = pod.results()
    pod.kill()
    (pod.handoff / "receipt.json").unlink()
    pod.start()
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=1)
    assert pod.results() == before


def test_a_reporter_with_a_receipt_is_idle(pod: Any, eventually: Eventually) -> None:
    """A restarted reporter waits for SIGTERM."""
    pod.start()
    pod.job()
    run_to_the_end(pod)
    pod.kill()
    written = (pod.handoff / "receipt.json").stat()
    pod.start()
    eventually(lambda: "receipt_found" in pod.log, "the log line of a found receipt")
    assert pod.stop() == 0
    assert (pod.handoff / "receipt.json").stat() == written


def test_another_pod_takes_over_a_dead_one_with_the_same_rows(pods: Callable[[], Any], eventually: Eventually) -> None:
    """After SIGKILL of a whole pod and the end of its lease, attempt 2 leaves the rows of an undisturbed run."""
    dead, heir = pods(), pods()
    dead.start()
    dead.job(claim_id="dead")
    dead.report("a", "only the dead one saw this", end=False)
    dead.admission()
    eventually(lambda: dead.rows(CASES), "a live row")
    dead.kill()
    heir.start()
    eventually(lambda: dead.rows("SELECT 1 FROM test_shards WHERE lease_until < now()"), "the end of the lease")
    heir.job(claim_id="heir")
    assert heir.admission() == Run(attempt=2)
    run_to_the_end(heir)
    assert [(row["name"], row["attempt"]) for row in heir.rows(CASES)] == [("a", 2), ("b", 2), ("c", 2)]


def test_a_pod_that_lost_its_shard_writes_superseded_during_the_suite(
    pods: Callable[[], Any], eventually: Eventually
) -> None:
    """A pod that was frozen beyond its lease finds another attempt and changes no row."""
    frozen, heir = pods(), pods()
    frozen.start()
    frozen.job(claim_id="frozen")
    assert frozen.admission() == Run(attempt=1)
    frozen.signal(signal.SIGSTOP)
    eventually(lambda: frozen.rows("SELECT 1 FROM test_shards WHERE lease_until < now()"), "the end of the lease")
    heir.start()
    heir.job(claim_id="heir")
    assert heir.admission() == Run(attempt=2)
    frozen.report("z")
    frozen.signal(signal.SIGCONT)
    assert frozen.receipt() == Superseded()
    assert not frozen.has("outcome.json")
    run_to_the_end(heir)
    assert "z" not in {row["name"] for row in heir.rows(CASES)}


def test_a_restarted_reporter_whose_shard_was_taken_writes_superseded_at_once(pod: Any) -> None:
    """It checks its lease at the start and not after a third of it."""
    pod.start()
    pod.job()
    pod.admission()
    pod.kill()
    pod.rows("UPDATE test_shards SET attempt = 2, claim_id = 'heir'")
    pod.start(REPORTER_LEASE="3600")
    assert pod.receipt() == Superseded()


def test_a_cancelled_run_ends_the_attempt_during_the_suite(pod: Any, eventually: Eventually) -> None:
    """It ends without a new case and before the next renewal. The rows stay."""
    pod.start(REPORTER_LEASE="3600")
    pod.job()
    pod.admission()
    pod.report("a", "b", end=False)
    eventually(lambda: len(pod.rows(CASES)) == 2, "the live rows")
    pod.rows("SELECT cancel_run('r-1')")
    assert pod.receipt() == Cancelled()
    assert not pod.has("outcome.json")
    assert pod.rows("SELECT status FROM test_shards") == [{"status": "cancelled"}]
    assert [row["name"] for row in pod.rows(CASES)] == ["a", "b"]


def test_a_lease_is_renewed_as_long_as_the_suite_runs(pods: Callable[[], Any], eventually: Eventually) -> None:
    """Long after the first lease, a second delivery finds the shard busy."""
    holder, second = pods(), pods()
    holder.start()
    holder.job(claim_id="holder")
    holder.admission()
    (first,) = holder.rows("SELECT lease_until FROM test_shards")
    eventually(
        lambda: holder.rows("SELECT 1 FROM test_shards WHERE now() > %s + interval '1 s'", first["lease_until"]),
        "the end of the first lease",
    )
    second.start()
    second.job(claim_id="second")
    assert second.admission() == Busy(retry_after=3, same_message=True)
    run_to_the_end(holder)


def test_a_complete_shard_and_a_contradiction_are_admission_decisions(pods: Callable[[], Any]) -> None:
    """A repeated message gets `already_complete`, one with another total `rejected`. Neither gets a receipt."""
    first, again, other = pods(), pods(), pods()
    first.start()
    first.job()
    run_to_the_end(first)
    again.start()
    again.job(claim_id="again", message_id="m-2")
    assert again.admission() == AlreadyComplete()
    other.start()
    other.job("1/2", claim_id="other")
    decision = other.admission()
    assert isinstance(decision, Rejected)
    assert decision.reason == "other_total"
    for pod in (again, other):
        assert pod.stop() == 0
        assert not pod.has("receipt.json")


def test_an_interrupted_suite_releases_its_lease(pods: Callable[[], Any]) -> None:
    """The partial rows stay, and the next pod can start at once."""
    drained, heir = pods(), pods()
    drained.start()
    drained.job(claim_id="drained")
    drained.admission()
    drained.report("a", "b", end=True)
    drained.outcome("interrupted", -15)
    assert drained.receipt() == Interrupted(cases=2)
    assert len(drained.rows(CASES)) == 2
    heir.start()
    heir.job(claim_id="heir")
    assert heir.admission() == Run(attempt=2)
    run_to_the_end(heir)


def test_sigterm_without_an_outcome_releases_the_lease(pod: Any) -> None:
    """The main container was killed: the partial rows are written, the lease is released, and the exit code is 0."""
    pod.start()
    pod.job()
    pod.admission()
    pod.report("a", "b")
    assert pod.stop() == 0
    assert pod.receipt() == Interrupted(cases=2)
    assert pod.rows("SELECT status, lease_until, detail FROM test_shards") == [
        {"status": "interrupted", "lease_until": None, "detail": "the worker ended without an outcome"}
    ]


def test_sigterm_after_the_outcome_lets_the_commit_finish(pod: Any, aws: Any, eventually: Eventually) -> None:
    pod.start()
    pod.job()
    pod.admission()
    for number in range(40):
        (pod.artifacts / f"{number}.bin").write_bytes(b"x" * 100_000)
    pod.report("a")
    pod.outcome()
    eventually(lambda: aws.client("s3").list_objects_v2(Bucket=aws.bucket)["KeyCount"], "the first upload")
    assert pod.stop() == 0
    assert pod.receipt() == Committed(status="passed", cases=1, artifacts=41)


def test_a_rejected_message_ends_its_run(pod: Any) -> None:
    """The reporter writes no admission, only the receipt. The run has the reason."""
    pod.start()
    invalid = InvalidJob(
        message_id="m", run_id="r-1", suite="nosuch", reason="unknown_suite", detail="suite: must be one of checkout"
    )
    volume.write(pod.handoff, JobRecord(invalid))
    assert pod.receipt() == Committed(status="errored")
    assert not pod.has("admission.json")
    assert pod.rows("SELECT status, detail FROM test_runs") == [
        {"status": "errored", "detail": "unknown_suite: suite: must be one of checkout"}
    ]
