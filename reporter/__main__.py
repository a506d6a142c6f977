"""`python -m reporter`: the sidecar that brings one shard's results into PostgreSQL and S3.

With `--check` it only says whether its settings and its bucket are good, and ends.
"""

import argparse
import sys

from runtime.stop import Stop


def main() -> int:
    """Listen to SIGTERM first, then load the heavy parts and run."""
    stop = Stop()
    stop.install()
    parser = argparse.ArgumentParser(prog="python -m reporter")
    parser.add_argument("--check", action="store_true", help="only check the settings and the bucket")
    arguments = parser.parse_args()
    from reporter import app  # noqa: PLC0415  # its imports take a second that SIGTERM must not fall into

    return app.check() if arguments.check else app.start(stop)


if __name__ == "__main__":
    sys.exit(main())
