"""`python -m worker`: the pod's main process."""

import os
import signal
import sys

from worker import exit_codes


def _end_at_once(*_: object) -> None:
    os._exit(exit_codes.INTERRUPTED)


if __name__ == "__main__":
    # A program that is PID 1 ignores SIGTERM until it has a handler, and the imports take a second. Nothing is received
    # yet, so that nothing is lost by ending.
    signal.signal(signal.SIGTERM, _end_at_once)
    from worker.program import main

    sys.exit(main())
