"""SIGTERM in each phase: no result is lost, and no process runs on."""

import signal
import subprocess
import sys

import pytest

from handoff import volume
from handoff.records import Committed, Failed, Interrupted, Receipt
from tests.support.worker_pod import Pod, Script, until

ENDLESS = 'touch "$ARTIFACTS_DIR/started"; sleep 600'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_while_waiting_for_a_message_it_ends_at_once(number: signal.Signals, pod: Pod) -> None:
    """The worker does not wait for a pending long poll."""
    worker = pod.start(WORKER_RECEIVE_WAIT="600")
    until(lambda: _is_polling(worker.process.pid))
    worker.process.send_signal(number)
    assert worker.wait() == 143
    assert worker.events() == ["stopped_while_waiting"]


def test_while_the_program_still_loads_it_ends_at_once(pod: Pod) -> None:
    """A Python program with PID 1 ignores the signal until it installs a handler."""
    first_slow_import = """
import os, signal, sys
os.kill(os.getpid(), signal.SIGTERM)
sys.path.remove(os.path.dirname(__file__))
del sys.modules["boto3"]
import boto3  # the real one
"""
    (pod.suites / "boto3.py").write_text(first_slow_import)
    pod.send()
    done = subprocess.run(
        [sys.executable, "-m", "worker"], env=pod.env | {"PYTHONPATH": str(pod.suites)}, check=False, timeout=60
    )
    assert done.returncode == 143
    assert pod.waiting() == 1


def test_before_admission_the_message_is_visible_at_once(pod: Pod) -> None:
    """Nothing has started, so there is nothing to end."""
    pod.send()
    worker = pod.start(Script(admission=None))
    until((pod.handoff / "job.json").exists)
    worker.terminate()
    assert worker.wait() == 143
    assert pod.waiting() == 1
    assert not (pod.handoff / "outcome.json").exists()


def test_during_the_suite_sigterm_stores_partial_results_and_releases_the_message(pod: Pod) -> None:
    """The message becomes visible after the receipt `interrupted`."""
    pod.suite(ENDLESS)
    pod.send()
    worker = pod.start(Script(receipt=Receipt(Interrupted(cases=1))))
    pod.started()
    worker.terminate()
    assert worker.wait() == 143
    assert (pod.outcome().ending, pod.outcome().exit_code) == ("interrupted", -15)
    assert pod.waiting() == 1


@pytest.mark.parametrize("receipt", [None, Receipt(Failed(detail="S3 did not answer"))], ids=["silent", "failed"])
def test_during_the_suite_sigterm_releases_the_message_after_any_receipt(receipt: Receipt | None, pod: Pod) -> None:
    """The wait ends with the grace, and the exit code lets Kubernetes replace the pod."""
    pod.suite(ENDLESS)
    pod.send()
    worker = pod.start(Script(receipt=receipt), WORKER_STOP_GRACE="1", WORKER_RECEIPT_TIMEOUT="3600")
    pod.started()
    worker.terminate()
    assert worker.wait() == 143
    assert pod.waiting() == 1


def test_a_second_sigterm_changes_nothing(pod: Pod) -> None:
    """An impatient operator does not lose the partial results."""
    pod.suite("""trap 'sleep 1; exit 9' TERM; touch "$ARTIFACTS_DIR/started"; while :; do sleep 0.1; done""")
    pod.send()
    worker = pod.start(Script(receipt=Receipt(Interrupted())))
    pod.started()
    worker.terminate()
    worker.terminate()
    assert worker.wait() == 143
    assert pod.outcome().exit_code == 9
    assert pod.waiting() == 1


def test_after_the_outcome_commit_and_delete_may_finish(pod: Pod) -> None:
    """The results are almost durable, and another attempt would waste them."""
    pod.send()
    worker = pod.start(Script(receipt=None))
    until((pod.handoff / "outcome.json").exists)
    worker.terminate()
    volume.write(pod.handoff, Receipt(Committed(status="passed")))
    assert worker.wait() == 0
    assert pod.is_empty()


def _is_polling(pid: int) -> bool:
    """Whether the process has a second thread: the one that receives."""
    try:
        with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
            return any(line.startswith("Threads:") and int(line.split()[1]) > 1 for line in status)
    except FileNotFoundError:
        return False
