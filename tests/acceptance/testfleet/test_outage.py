"""`wait` survives a failover: PostgreSQL behind a connection that a test can cut."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict


class Line:
    """A TCP port in front of the embedded server's socket. A cut ends every connection, also the open ones."""

    def __init__(self, database_url: str) -> None:
        parameters = conninfo_to_dict(database_url)
        self._server = f"{parameters['host']}/.s.PGSQL.{parameters.get('port', 5432)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        self.used = threading.Event()
        """Set when a client has connected."""
        self.refused = threading.Event()
        """Set when a client has tried to connect during a cut."""
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{parameters['user']}@127.0.0.1:{port}/{parameters['dbname']}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def cut(self) -> None:
        with self._lock:
            self._cut = True
            for end in self._open:
                _shut(end)

    def mend(self) -> None:
        with self._lock:
            self._cut = False

    def close(self) -> None:
        self.cut()
        _shut(self._listener)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was shut
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    if self._cut:
                        client.close()
                        self.refused.set()
                        continue
                    server = socket.socket(socket.AF_UNIX)
                    server.connect(self._server)
                    self._open |= {client, server}
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()
                self.used.set()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        _shut(target)
        with self._lock:
            self._open.discard(source)
            source.close()


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    made = Line(database_url)
    yield made
    made.close()


def test_wait_survives_a_failover(line: Line, start: Any, execute: Callable[..., None]) -> None:
    """The connection breaks, new connections are refused, and the database returns before the timeout."""
    execute("INSERT INTO test_runs (run_id, suite, status, shards, started_at) VALUES ('r1', 's', 'running', 1, now())")
    process = start(
        "wait", "r1", "--timeout", "2m", stdout=subprocess.PIPE, stderr=subprocess.PIPE, TESTFLEET_DATABASE_URL=line.url
    )
    try:
        assert "running" in process.stderr.readline()
        line.cut()
        assert line.refused.wait(60)
        execute("UPDATE test_runs SET status = 'passed', shards_done = 1, total = 3, passed = 3, finished_at = now()")
        line.mend()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert "r1: database: " in err
    assert "trying again" in err
    assert out.startswith("r1 s: passed in ")


def test_a_database_out_of_reach_at_the_timeout_is_69(line: Line, start: Any, execute: Callable[..., None]) -> None:
    """The status of the run is unknown."""
    execute("INSERT INTO test_runs (run_id, suite, status, shards, started_at) VALUES ('r1', 's', 'running', 1, now())")
    process = start(
        "wait", "r1", "--timeout", "4s", stdout=subprocess.PIPE, stderr=subprocess.PIPE, TESTFLEET_DATABASE_URL=line.url
    )
    try:
        assert line.used.wait(60)
        assert "running" in process.stderr.readline()
        line.cut()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (69, "")
    assert err.splitlines()[-1].startswith("testfleet: database: ")
