"""`python -m tests.support.forks.server DESCRIPTOR`: imports the programs once, and runs each requested one in a fork.

A request is one message on the socket: JSON, and the descriptors of stdin, stdout, stderr and of a status socket. The
answers on the status socket are the process id, and the wait status after the end of the process. The process stays a
zombie until the other side has closed its writing half, as a child of its own would.
"""

import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TextIO

import testfleet.cli

PRELOADED = (
    "podconfig.files",
    "podconfig.secret",
    "podconfig.settings",
    "reporter.app",
    "reporter.sweep",
    "worker.app",
    *(module.name for module in pkgutil.walk_packages(testfleet.cli.__path__, "testfleet.cli.")),
)
MAX_REQUEST = 2**20
NUMBER_BYTES = 8
STDERR = 2
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522
CAPABILITY_BYTES = 24
"""The size of two `struct __user_cap_data_struct`."""


@dataclass(frozen=True, slots=True)
class Child:
    """A fork: the descriptor of its process, and the status socket."""

    process: int
    status: socket.socket

    def report(self) -> None:
        """Send the wait status of the ended process, as waitpid(2) returns it."""
        end = os.waitid(os.P_PIDFD, self.process, os.WEXITED | os.WNOWAIT)
        assert end is not None
        self.send(end.si_status << 8 if end.si_code == os.CLD_EXITED else end.si_status)

    def send(self, number: int) -> None:
        """Send the process id or the wait status."""
        with suppress(BrokenPipeError):  # after the end of a test, nothing reads it
            self.status.send(number.to_bytes(NUMBER_BYTES, "little"))

    def collect(self) -> None:
        """Remove the ended process from the kernel's table."""
        os.waitid(os.P_PIDFD, self.process, os.WEXITED)
        os.close(self.process)
        self.status.close()


def serve(control: socket.socket) -> dict[str, Any]:
    """Start forks until the socket closes, and then exit. Return in a fork only: its request."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    running: dict[int, Child] = {}
    ended: dict[int, Child] = {}
    while True:
        for ready, _ in poll.poll():
            if ready == control.fileno():
                body, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, 4)
                if not body:
                    _end(running)
                pid = os.fork()
                if pid == 0:
                    for open_socket in (control, *(child.status for child in (running | ended).values())):
                        open_socket.detach()  # `become` closes the descriptor
                    return {**json.loads(body), "descriptors": descriptors[:3]}
                *streams, status = descriptors
                for descriptor in streams:
                    os.close(descriptor)
                child = Child(os.pidfd_open(pid), socket.socket(fileno=status))
                child.send(pid)
                running[child.process] = child
                poll.register(child.process, select.POLLIN)
            elif ready in running:
                child = running.pop(ready)
                poll.unregister(child.process)
                child.report()
                ended[child.status.fileno()] = child
                poll.register(child.status, select.POLLIN)
            elif ready in ended:
                child = ended.pop(ready)
                poll.unregister(child.status)
                child.collect()


def _end(running: Iterable[int]) -> NoReturn:
    """Interrupt the remaining processes, because Ctrl-C in a terminal does not reach this session, and exit."""
    for process in running:
        signal.pidfd_send_signal(process, signal.SIGINT)
    sys.exit()


def become(request: dict[str, Any]) -> None:
    """Turn this process into `python -m module`, with the streams, the folder and the environment of the request."""
    for number, descriptor in enumerate(request["descriptors"]):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if request["new_session"]:
        os.setsid()
    if not request["capabilities"]:
        _drop_capabilities()
    if request["folder"] is not None:
        os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    sys.stdin = _stream(0, "r", sys.stdin, encoding, errors)
    sys.stdout = _stream(1, "w", sys.stdout, encoding, errors)
    sys.stderr = _stream(STDERR, "w", sys.stderr, encoding, "backslashreplace")
    if "PYTHONWARNINGS" in os.environ:
        sys.warnoptions[:] = os.environ["PYTHONWARNINGS"].split(",")
        warnings._processoptions(sys.warnoptions)  # type: ignore[attr-defined]  # private: what the interpreter does
    sys.path[0] = str(Path.cwd())
    module, *arguments = request["argv"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _stream(number: int, mode: Literal["r", "w"], like: TextIO, encoding: str, errors: str) -> TextIO:
    """Return a new stream as the interpreter opens it, because the old one remembers whether its file could seek."""
    errors = errors or ("strict" if encoding else like.errors or "strict")
    unbuffered = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    return io.TextIOWrapper(
        open(number, f"{mode}b", buffering=0 if unbuffered else -1, closefd=False),
        encoding=encoding or like.encoding,
        errors=errors,
        line_buffering=not unbuffered and (number == STDERR or os.isatty(number)),
        write_through=unbuffered,
    )


def _drop_capabilities() -> None:
    """Empty all sets of capabilities, also for programs that this process starts: prctl(2) and capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(int(LAST_CAPABILITY.read_text()) + 1):
        assert libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    this_process = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    assert libc.capset(this_process, bytes(CAPABILITY_BYTES)) == 0, os.strerror(ctypes.get_errno())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
