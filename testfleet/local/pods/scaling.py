"""The number of pods to start, by the formula of KEDA's default strategy."""


def pods_to_start(*, waiting: int, in_flight: int, running: int, max_pods: int) -> int:
    """Return how many pods are missing for one pod per message, with at most `max_pods` pods in total.

    Messages count whether they wait or are in flight. The formula is that of KEDA's ScaledJob (`strategy: default`,
    `scaleOnInFlight`, `queueLength: 1`). A queue's counts are approximate. A surplus pod finds no message and ends.
    """
    return max(0, min(waiting + in_flight, max_pods) - running)
