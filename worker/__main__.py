"""`python -m worker`: the pod's main process. With `--check` it only says whether its settings and catalog are good."""

import argparse
import sys

from runtime.stop import Stop


def main() -> int:
    """Handle SIGTERM first, then load the slow parts and run."""
    stop = Stop()
    stop.install()
    parser = argparse.ArgumentParser(prog="python -m worker")
    parser.add_argument("--check", action="store_true", help="only check the settings and the catalog")
    arguments = parser.parse_args()
    from worker import app  # noqa: PLC0415  # its imports take a second, during which SIGTERM must be handled

    return app.check() if arguments.check else app.main(stop)


if __name__ == "__main__":
    sys.exit(main())
