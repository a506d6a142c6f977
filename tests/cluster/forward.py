"""Ports of this machine that are forwarded to the cluster during a test session."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import NAMESPACE, KubectlError

RESTART_SECONDS = 0.5
"""Pause before an ended tunnel is started again. A pod that restarts rejects it for some seconds."""

LOST = "lost connection to pod"
"""kubectl prints this when the pod is gone. Older versions continue and forward nothing."""


@contextmanager
def forwarded(target: str, *ports: int) -> Iterator[dict[int, int]]:
    """Run `kubectl port-forward` while the block lasts; yield ports of this machine by the target's ports.

    A tunnel that breaks is started anew on the same ports, so that a client sees a connection that fails for a moment.

    Raises:
        KubectlError: the first tunnel ended before it forwarded every port.
    """
    tunnel = _start(target, [f":{port}" for port in ports])
    try:
        found = _forwarded(tunnel, target, len(ports))
    except BaseException:
        with tunnel:
            tunnel.terminate()
        raise
    keeper = _Keeper(target, tunnel, [f"{here}:{there}" for there, here in found.items()])
    keeper.start()
    try:
        yield found
    finally:
        keeper.stop()


class _Keeper(threading.Thread):
    """Reads the output of a tunnel, so that its pipe does not fill, and restarts the tunnel when it ends."""

    def __init__(self, target: str, tunnel: "subprocess.Popen[str]", pairs: list[str]) -> None:
        super().__init__(name="port-forward", daemon=True)
        self._target, self._pairs = target, pairs
        self._tunnel = tunnel
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def run(self) -> None:
        while True:
            with self._tunnel:  # waits for the tunnel's end and closes the pipe
                for line in self._tunnel.stdout or ():
                    if LOST in line:
                        self._tunnel.terminate()
            if self._stopping.wait(RESTART_SECONDS):
                return
            with self._lock:  # otherwise `stop` could end the previous tunnel only
                if self._stopping.is_set():
                    return
                self._tunnel = _start(self._target, self._pairs)

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            self._tunnel.terminate()
        self.join()


def _start(target: str, pairs: list[str]) -> "subprocess.Popen[str]":
    argv = [shutil.which("kubectl") or "kubectl", "port-forward", "--namespace", NAMESPACE, target, *pairs]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _forwarded(tunnel: "subprocess.Popen[str]", target: str, ports: int) -> dict[int, int]:
    found: dict[int, int] = {}
    lines: list[str] = []
    for line in tunnel.stdout or ():
        found |= forwarding(line)
        if len(found) == ports:
            return found
        lines.append(line)
    raise KubectlError(f"port-forward to {target} has ended: {' '.join(''.join(lines).split())}")


def forwarding(line: str) -> dict[int, int]:
    """Return the ports of a line such as "Forwarding from 127.0.0.1:40123 -> 5000". IPv6 has a line, too."""
    words = line.split()
    if words[:2] != ["Forwarding", "from"] or not words[2].startswith("127.0.0.1:"):
        return {}
    return {int(words[4]): int(words[2].rpartition(":")[2])}
