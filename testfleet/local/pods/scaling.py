"""How many pods to start: KEDA's default strategy with messages in flight counted."""


def pods_to_start(*, waiting: int, in_flight: int, running: int, max_pods: int) -> int:
    """One pod for each message of the queue, waiting or in flight, less the pods that run; never above the cap.

    The formula is that of KEDA's ScaledJob (`strategy: default`, `scaleOnInFlight`, `queueLength: 1`). The counts of a
    queue are approximate, so a surplus pod may start; it finds no message and ends.
    """
    return max(0, min(waiting + in_flight, max_pods) - running)
