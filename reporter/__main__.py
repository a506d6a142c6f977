"""`python -m reporter`: the sidecar that brings one shard's results into PostgreSQL and S3."""

import sys

from reporter.lifecycle.stop import Stop


def main() -> int:
    """Listen to SIGTERM first, then load the heavy parts and run."""
    stop = Stop()
    stop.install()
    from reporter.program import start  # noqa: PLC0415  # its imports take a second that SIGTERM must not fall into

    return start(stop)


if __name__ == "__main__":
    sys.exit(main())
