"""The two programs of a pod as processes that a fork server starts.

A new interpreter spends more than a second of CPU time on the imports of worker and reporter. The fork server imports
them once, and each process begins as a fork of it. In a cluster, each container starts its own interpreter.
"""

import multiprocessing
import multiprocessing.connection
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

# On macOS, a process that was forked and not replaced may crash in the system's libraries.
_FORKS: Final = (
    multiprocessing.get_context("forkserver") if sys.platform == "linux" else multiprocessing.get_context("spawn")
)
_FORKS.set_forkserver_preload(["worker.app", "reporter.app"])


class Program:
    """A running or finished `python -m module`; its methods work as those of `subprocess.Popen`.

    `env` is its whole environment. Its output is appended to `log`. It runs in a session of its own, so Ctrl-C in the
    terminal does not reach it, and it gets SIGTERM if the process that started it ends.
    """

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str], folder: Path, log: Path) -> None:
        self._process = _FORKS.Process(
            target=_run, args=((module, *arguments), dict(env), str(folder), str(log)), name=module, daemon=True
        )
        self._lock = threading.Lock()  # two threads that read the exit code at once would lose it
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        pid = self._process.pid
        assert pid is not None  # noqa: S101  # the process has been started
        return pid

    def poll(self) -> int | None:
        """Return the exit code, or the negative number of the signal that ended the process; None while it runs."""
        with self._lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: the process still runs after `timeout` seconds.
        """
        if not multiprocessing.connection.wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        code = self.poll()
        assert code is not None  # noqa: S101  # the sentinel is ready: the process has ended
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send the signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(argv: tuple[str, ...], env: dict[str, str], folder: str, log: str) -> None:
    os.setsid()
    threading.Thread(target=_end_with_starter, name="end with starter", daemon=True).start()
    os.chdir(folder)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(argv)
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


def _end_with_starter() -> None:
    starter = multiprocessing.parent_process()
    if starter is not None:
        starter.join()
        os.kill(os.getpid(), signal.SIGTERM)
