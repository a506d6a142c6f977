"""`python -m reporter`: the sidecar that writes the results of one shard to PostgreSQL and S3.

With `--check`, it only checks its settings and its bucket.
"""

import argparse
import sys

from runtime.stop import Stop


def main() -> int:
    """Handle SIGTERM first, then import the heavy parts and run. Return the exit code."""
    stop = Stop()
    stop.install()
    parser = argparse.ArgumentParser(prog="python -m reporter")
    parser.add_argument("--check", action="store_true", help="only check the settings and the bucket")
    arguments = parser.parse_args()
    from reporter import app  # noqa: PLC0415  # its imports take a second, in which SIGTERM may arrive

    try:
        return app.check() if arguments.check else app.start(stop)
    finally:
        stop.ignore()


if __name__ == "__main__":
    sys.exit(main())
