"""A real HTTP server that receives requests and answers as a test decides."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE = 30.0
"""Seconds. Only a hang exceeds it."""


@dataclass(frozen=True)
class Received:
    """A request. Names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass(frozen=True)
class Response:
    """An answer. A body that is no text becomes JSON."""

    status: int = 204
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Receiver:
    """The server. `answer` decides about each request; it may wait or raise, which hangs up."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Response] = lambda _: Response()
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, number: int) -> None:
        """Wait until this many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= number, DEADLINE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None: ...  # a client that hangs up, or an answer that raises


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve on a free port of this machine while the block lasts."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body)
            with state.arrived:
                state.requests.append(received)
                state.arrived.notify_all()
            response = state.answer(received)
            self.send_response(response.status)
            for name, value in {"content-length": str(len(response.content)), **response.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PUT = do_PATCH = _handle  # noqa: N815  # the names of the library

        def log_message(self, *_: object) -> None: ...

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
