"""A TCP proxy of the embedded PostgreSQL that a test can silence, as if packets vanished."""

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Wire:
    """Forwards bytes between a TCP port and PostgreSQL's socket. While silent, it holds the bytes back."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._behind = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._open = threading.Event()
        self._open.set()
        self.accepted = 0
        self.held = threading.Event()
        """Set when bytes are held back on a connection that was open before the silence."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for end in (self._listener, *self._ends):
            end.close()

    def silence(self) -> None:
        """Hold back every byte of open and new connections."""
        self._open.clear()

    def restore(self) -> None:
        """Forward the held bytes and all later ones."""
        self._open.set()

    def _start(self, target: object, *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # one of the three below
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                front, _ = self._listener.accept()
                self._ends.append(front)
                self.accepted += 1
                self._start(self._connect, front)

    def _connect(self, front: socket.socket) -> None:
        self._open.wait()
        behind = socket.socket(socket.AF_UNIX)
        self._ends.append(behind)
        with suppress(OSError):
            behind.connect(self._behind)
            self._start(self._pass_on, behind, front)
            self._pass_on(front, behind)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self._open.is_set():
                    self.held.set()
                self._open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
