"""`python -m tests.support.aws.whole_moto`: moto's server with all services and without a guard."""

import signal
import sys

from moto.server import ThreadedMotoServer

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
sys.stdout.write(f"http://{host}:{port}\n")
sys.stdout.flush()
signal.sigwait({signal.SIGTERM})
server.stop()
