"""Ports of this machine that lead into the cluster, for as long as a test session lasts."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import NAMESPACE, KubectlError

RESTART_SECONDS = 0.5
"""Pause before a tunnel that ended is started anew: a pod that restarts refuses it for some seconds."""

LOST = "lost connection to pod"
"""What kubectl prints when the pod is gone. Older versions go on after it and forward nothing."""


@contextmanager
def forwarded(target: str, *ports: int) -> Iterator[dict[int, int]]:
    """Run `kubectl port-forward` for as long as the block lasts; yields ports of this machine by the target's ports.

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
    """Reads what a tunnel prints, or its pipe would fill, and starts another when it ends."""

    def __init__(self, target: str, tunnel: "subprocess.Popen[str]", pairs: list[str]) -> None:
        super().__init__(name="port-forward", daemon=True)
        self._target, self._pairs = target, pairs
        self._tunnel = tunnel
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def run(self) -> None:
        while True:
            with self._tunnel:  # waits for its end, and closes the pipe
                for line in self._tunnel.stdout or ():
                    if LOST in line:
                        self._tunnel.terminate()
            if self._stopping.wait(RESTART_SECONDS):
                return
            with self._lock:  # or `stop` could end the tunnel before this one
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
    said: list[str] = []
    for line in tunnel.stdout or ():
        found |= forwarding(line)
        if len(found) == ports:
            return found
        said.append(line)
    raise KubectlError(f"port-forward to {target} has ended: {' '.join(''.join(said).split())}")


def forwarding(line: str) -> dict[int, int]:
    """What a line of `kubectl port-forward` says: "Forwarding from 127.0.0.1:40123 -> 5000", and once more for IPv6."""
    words = line.split()
    if words[:2] != ["Forwarding", "from"] or not words[2].startswith("127.0.0.1:"):
        return {}
    return {int(words[4]): int(words[2].rpartition(":")[2])}
