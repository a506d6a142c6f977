"""The number of pods that a laptop starts."""

import pytest

from testfleet.local.pods.scaling import pods_to_start


@pytest.mark.parametrize(
    ("waiting", "in_flight", "running", "expected"),
    [
        (0, 0, 0, 0),  # nothing to do: down to zero
        (1, 0, 0, 1),
        (1, 0, 1, 0),  # started, but it has not received yet
        (0, 1, 1, 0),  # received: still one pod for one message
        (1, 1, 1, 1),
        (0, 1, 0, 1),  # its pod has died: the next one waits for the redelivery
        (20, 0, 0, 4),  # the cap
        (20, 0, 3, 1),
        (20, 0, 5, 0),  # above the cap nothing starts, and nothing is stopped
    ],
)
def test_a_message_gets_one_pod_up_to_the_cap(waiting: int, in_flight: int, running: int, expected: int) -> None:
    """The rule is KEDA's default strategy with in-flight messages counted."""
    assert pods_to_start(waiting=waiting, in_flight=in_flight, running=running, max_pods=4) == expected
