"""`python -m worker`: the pod's main process. With `--check` it only says whether its settings and catalog are good."""

import argparse
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
    parser = argparse.ArgumentParser(prog="python -m worker")
    parser.add_argument("--check", action="store_true", help="only check the settings and the catalog")
    arguments = parser.parse_args()
    from worker import program

    sys.exit(program.check() if arguments.check else program.main())
