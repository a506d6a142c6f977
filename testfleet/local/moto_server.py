"""`python -m testfleet.local.moto_server`: moto's server in a process of its own, which no other's state can reach."""

import argparse
import logging
import signal
import sys

from moto.server import ThreadedMotoServer


def main() -> int:
    """Serve until SIGTERM; the first line of stdout is the URL."""
    parser = argparse.ArgumentParser(prog="python -m testfleet.local.moto_server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request is no news
    server = ThreadedMotoServer(ip_address=arguments.host, port=arguments.port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
