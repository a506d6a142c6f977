"""`python -m shop`: serve the shop until SIGTERM or Ctrl-C."""

import argparse
import logging
import os
import signal
import socket
import sys
from threading import Event, Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from shop.app import create_app


class Handler(WSGIRequestHandler):
    """Handles one connection. `timeout` is in seconds: an idle connection holds a thread."""

    timeout = 30
    disable_nagle_algorithm = True  # headers and body are two packets; with Nagle's algorithm the second waits 40 ms


def main() -> int:
    """Print the URL as one line and serve. If the start fails, print the reason instead."""
    parser = argparse.ArgumentParser(prog="python -m shop", description="A small web shop to run test suites against.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    options = parser.parse_args()
    stop = Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a load test would print a line for each request
    try:
        listener = socket.create_server((options.host, options.port), backlog=128)
    except OSError as error:
        print(f"{options.host}:{options.port}: {os.strerror(error.errno or 0)}; choose another port", flush=True)  # noqa: T201  # for its caller
        return 1
    with listener:
        server = make_server(
            options.host, options.port, create_app(), threaded=True, request_handler=Handler, fd=listener.fileno()
        )
        serving = Thread(target=server.serve_forever, name="shop", kwargs={"poll_interval": 0.1})
        serving.start()
        print(f"http://{options.host}:{listener.getsockname()[1]}", flush=True)  # noqa: T201  # for its caller
        stop.wait()
        server.shutdown()
        serving.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
