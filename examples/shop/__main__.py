"""The small web shop under test: pages for browsers, JSON for the rest. `python -m shop --port 0`.

A session is a cookie of its own; the cookie `visit`, where a test sets it, ties several sessions to one visit.
"""

import argparse
import json
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from shop.goods import Shop
from shop.site import Request, Site

MAX_BODY = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds; an idle connection would hold its thread
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    site: ClassVar[Site]

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it
        """Stay silent: a load test would drown everything else."""

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        cookies = {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("Cookie", "")).items()}
        session = cookies.get("session") or secrets.token_hex(16)
        fields = dict(parse_qsl(url.query)) | self._body()
        ask = Request(session, cookies.get("visit", session), url.path, fields)
        answer = self.site.answer(method, ask)
        is_page = isinstance(answer.body, str)
        content = (answer.body if is_page else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "session" not in cookies:
            self.send_header("Set-Cookie", f"session={session}; Path=/; HttpOnly; SameSite=Lax")
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else 0
        if size > MAX_BODY:
            self.close_connection = True
            return {}
        content = self.rfile.read(size)
        if self.headers.get_content_type() != "application/json":
            return dict(parse_qsl(content.decode("utf-8", "replace")))
        try:
            value = json.loads(content)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Server(ThreadingHTTPServer):
    """One thread per connection, all gone with the process."""

    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a fresh shop from a thread, and give its URL; port 0 is any free one.

    Raises:
        OSError: the port is taken.
    """
    handler = type("ShopHandler", (Handler,), {"site": Site(Shop())})
    with Server((host, port), handler) as server:
        thread = Thread(target=server.serve_forever, name="shop", kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="shop", description="A small web shop to run test suites against.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 is any free one")
    options = parser.parse_args(arguments)
    stop = Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    with serving(options.host, options.port) as url:
        print(url, flush=True)  # noqa: T201  # whoever starts it reads the address from here
        stop.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
