"""The tree of all processes that a suite started, and how to end them.

When a process outlives its parent, the kernel makes it a child of the nearest ancestor that is a *child subreaper*
(Linux, prctl(2)). The worker is one. A daemon therefore stays the worker's descendant, whatever process group or
session it moves to. No children left means no descendants left.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

POLL_SECONDS = 0.05

KILL_PATIENCE = 10
"""Maximum seconds to wait for processes after SIGKILL. A process that hangs in the kernel survives it."""

_PR_SET_CHILD_SUBREAPER = 36

_KERNEL_LISTS_CHILDREN = Path("/proc/thread-self/children").exists()


def adopt_orphans() -> None:
    """Make this process the parent of its orphaned descendants. Does nothing on other systems than Linux.

    Raises:
        OSError: the kernel rejected the call.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class ProcessTree:
    """The descendants of this process, except children that ran before the tree was created.

    `head` is the suite's first process, whose exit code `SuiteProcess` reads.
    """

    def __init__(self) -> None:
        self.head: subprocess.Popen[bytes] | None = None
        self._earlier = {process.pid: process for process in psutil.Process().children()}

    def reap(self) -> None:
        """Collect the exit codes of ended children, so that no zombie is left."""
        for pid in self._children():
            if self.head is not None and pid == self.head.pid:
                self.head.poll()
            else:
                with suppress(ChildProcessError):  # another thread has collected it
                    os.waitpid(pid, os.WNOHANG)

    def end(self, grace: float) -> list[int]:
        """Send SIGTERM to all processes, and SIGKILL after `grace` seconds. Return the PIDs that survived SIGKILL.

        Processes that start meanwhile get both signals too. Blocks.
        """
        self._terminate(time.monotonic() + grace)
        return self._kill(time.monotonic() + KILL_PATIENCE)

    def _terminate(self, deadline: float) -> None:
        signalled: set[psutil.Process] = set()
        self.reap()
        while (children := self._children()) and time.monotonic() < deadline:
            for process in _with_descendants(children):
                if process not in signalled:
                    signalled.add(process)
                    with suppress(psutil.Error):
                        process.terminate()
            time.sleep(POLL_SECONDS)
            self.reap()

    def _kill(self, deadline: float) -> list[int]:
        """Kill this process's children until none is left, and return the survivors.

        The children of a killed child become children of this process. Only children are killed, because the kernel
        does not reuse their PIDs before they are reaped.
        """
        before: list[int] = []
        while (children := self._children()) and time.monotonic() < deadline:
            for pid in children:
                _kill_with_group(pid)
            self.reap()
            if children == before:  # the same processes need time to die, while new ones are killed at once
                time.sleep(POLL_SECONDS)
            before = children
        return children

    def _children(self) -> list[int]:
        return [pid for pid in _children_of_this_process() if not self._is_earlier(pid)]

    def _is_earlier(self, pid: int) -> bool:
        earlier = self._earlier.get(pid)
        return earlier is not None and earlier.is_running()  # otherwise the PID belongs to a new process


def _children_of_this_process() -> list[int]:
    """Return the PIDs of the direct children, with zombies.

    The kernel's list (proc(5), `children`) is never empty while a child lives. A walk over all processes may miss a
    process that forks and exits meanwhile. It is used only on a kernel without the list.
    """
    if not _KERNEL_LISTS_CHILDREN:
        return [process.pid for process in psutil.Process().children()]
    pids: list[int] = []
    # The children of an ending thread move to the main thread. Reading that one last misses none.
    for task in sorted(Path("/proc/self/task").iterdir(), key=lambda task: task.name == str(os.getpid())):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
            pids += map(int, (task / "children").read_text().split())
    return pids


def _with_descendants(pids: list[int]) -> list[psutil.Process]:
    """Return the processes and their descendants, parents first.

    A shell that sees its child end first would exit with an error of its own.
    """
    found: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def _kill_with_group(child: int) -> None:
    """Send SIGKILL to the child and to its whole process group at once, so that no member can fork meanwhile.

    The suite starts in its own session, and groups never span sessions. Its groups therefore hold no other process.
    """
    with suppress(OSError):
        group = os.getpgid(child)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
    with suppress(OSError):
        os.kill(child, signal.SIGKILL)
