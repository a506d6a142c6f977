"""The life of a pod's reporter: start, restart, SIGTERM, SIGKILL."""

import pytest

from testfleet.local.pods.controller import REPORTER_GRACE, Step, next_step


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
