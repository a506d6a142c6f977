"""The life of a pod's reporter: start, restart, SIGTERM, SIGKILL."""

import signal

import pytest

from testfleet.local.pods.controller import INTERRUPTED, REPORTER_GRACE, Step, exit_code, next_step


@pytest.mark.parametrize(
    ("worker_ended", "reporter_ended", "stopping_for", "step"),
    [
        (False, False, None, Step.WAIT),
        (False, True, None, Step.RESTART_REPORTER),
        (True, False, None, Step.STOP_REST),
        (True, True, None, Step.STOP_REST),
        (True, False, 0.0, Step.WAIT),
        (True, False, REPORTER_GRACE + 1, Step.KILL_REPORTER),
        (True, True, 1.0, Step.FINISH),
    ],
)
def test_a_reporter_lives_as_long_as_its_worker(
    *, worker_ended: bool, reporter_ended: bool, stopping_for: float | None, step: Step
) -> None:
    """It is restarted while the worker lives, gets SIGTERM after the worker has ended, and SIGKILL after its grace."""
    assert next_step(worker_ended=worker_ended, reporter_ended=reporter_ended, stopping_for=stopping_for) is step


@pytest.mark.parametrize(
    ("returncode", "reported"), [(0, 0), (78, 78), (-signal.SIGTERM, INTERRUPTED), (-signal.SIGKILL, 137)]
)
def test_a_killed_worker_has_the_exit_code_that_a_container_runtime_reports(returncode: int, reported: int) -> None:
    """A demo that ends while its last worker exits would otherwise print `pod_failed`."""
    assert exit_code(returncode) == reported
