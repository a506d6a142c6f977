"""A real PgBouncer in front of the embedded PostgreSQL. `python -m tests.support.pgbouncer` installs the package."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.support.ports import free_ports

DEADLINE = 20
CONFIGURATION = """
[databases]
{name} = host={host} dbname={name} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
default_pool_size = {connections}
max_db_connections = {connections}
max_client_conn = 900
"""


def find() -> str | None:
    """Return the path of an installed PgBouncer. Debian installs it outside of most users' PATH."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


class PgBouncer:
    """A pooler in transaction mode with a limit on its connections to the server. It runs while the context lasts."""

    def __init__(self, database_url: str, folder: Path, *, connections: int) -> None:
        parts = urlsplit(database_url)
        name, host, (port,) = parts.path.removeprefix("/"), parse_qs(parts.query)["host"][0], free_ports(1)
        self._socket = Path(host, ".s.PGSQL.5432")
        self._configuration = folder / "pgbouncer.ini"
        self._configuration.write_text(CONFIGURATION.format(name=name, host=host, port=port, connections=connections))
        self._log = folder / "log"
        self.url = f"postgresql://postgres@127.0.0.1:{port}/{name}"

    def __enter__(self) -> Self:
        # PgBouncer refuses to run as root. The server's user may open the server's socket.
        user = ["-u", self._socket.owner()] if os.geteuid() == 0 else []
        program = find()
        assert program is not None
        with self._log.open("w") as log:
            argv = [program, *user, str(self._configuration)]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < end, self._log.read_text()
                assert self._process.poll() is None, self._log.read_text()
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(DEADLINE)


def main() -> int:
    """Install Debian's package of PgBouncer if none is found. Without PgBouncer, its tests are skipped."""
    if find() is None and shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "pgbouncer"]):
            subprocess.run([*sudo, "apt-get", *arguments], check=False)
    sys.stdout.write(f"pgbouncer: {find() or 'not installed; its tests are skipped'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
