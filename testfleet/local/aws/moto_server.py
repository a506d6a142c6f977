"""`python -m testfleet.local.aws.moto_server`: moto's server behind the guard."""

import argparse
import logging
import os
import signal
import socket
import sys
from ipaddress import ip_address
from threading import Thread

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from testfleet.local.aws.guard import LOCAL_NAMES, Guard, served


def main() -> int:
    """Print the URL as one line and serve until SIGTERM. If the start fails, print the reason instead."""
    parser = argparse.ArgumentParser(prog="python -m testfleet.local.aws.moto_server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--name", action="append", default=[], help="a host name that callers use; repeatable")
    arguments = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would print a line for each request
    app = Guard(DomainDispatcherApplication(served(create_backend_app)), (*LOCAL_NAMES, *arguments.name))
    try:
        listener = socket.create_server((arguments.host, arguments.port), backlog=128)
    except OSError as error:
        _print(f"{arguments.host}:{arguments.port}: {os.strerror(error.errno or 0)}; choose another port")
        return 1
    with listener:
        server = make_server(
            arguments.host,
            arguments.port,
            app,
            threaded=True,
            request_handler=MotoRequestHandler,
            fd=listener.fileno(),
        )
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        # The guard accepts local names only, so a caller on this machine must not use the address of all interfaces.
        host = "127.0.0.1" if ip_address(arguments.host).is_unspecified else arguments.host
        _print(f"http://{host}:{listener.getsockname()[1]}")
        signal.sigwait({signal.SIGTERM})
        server.shutdown()
        serving.join()
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
