"""`python -m worker`: the main process of the pod. `--check` only validates settings and catalog."""

import argparse
import sys

from runtime.stop import Stop


def main() -> int:
    """Handle SIGTERM first, then import the slow modules and run."""
    stop = Stop()
    stop.install()
    parser = argparse.ArgumentParser(prog="python -m worker")
    parser.add_argument("--check", action="store_true", help="only validate the settings and the catalog")
    arguments = parser.parse_args()
    from worker import app  # noqa: PLC0415  # slow to import, and SIGTERM must be handled meanwhile

    try:
        return app.check() if arguments.check else app.main(stop)
    finally:
        stop.ignore()


if __name__ == "__main__":
    sys.exit(main())
