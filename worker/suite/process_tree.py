"""Every process that a suite has started, to the last grandchild, and how to be rid of them all.

A process that outlives its parent is handed to the nearest ancestor that is a *child subreaper* (Linux, prctl(2)). The
worker is one, so whatever group or session a daemon moved to, it stays our descendant; and when nobody is our child any
more, nobody is our descendant.
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
"""Seconds until we give up on processes that not even SIGKILL ends: they hang in the kernel."""

_PR_SET_CHILD_SUBREAPER = 36

_KERNEL_LISTS_CHILDREN = Path("/proc/thread-self/children").exists()


def adopt_orphans() -> None:
    """Make this process the one that orphaned descendants are handed to. Elsewhere than on Linux it does nothing.

    Raises:
        OSError: the kernel refused.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class ProcessTree:
    """The descendants of this process, apart from those that were there before the tree was founded.

    `head` is the one whose exit code somebody waits for.
    """

    def __init__(self) -> None:
        self.head: subprocess.Popen[bytes] | None = None
        self._strangers = {process.pid: process for process in psutil.Process().children()}

    def reap(self) -> None:
        """Collect the exit codes that nobody else will, so that no zombie stays."""
        for pid in self._children():
            if self.head is not None and pid == self.head.pid:
                self.head.poll()
            else:
                with suppress(ChildProcessError):  # whoever started it was faster
                    os.waitpid(pid, os.WNOHANG)

    def end(self, grace: float) -> list[int]:
        """SIGTERM to all, also to those that are born meanwhile; after `grace` seconds SIGKILL until none is left.

        Blocks. The answer is who is left all the same, hung in the kernel: nobody, usually.
        """
        self._ask(time.monotonic() + grace)
        return self._kill(time.monotonic() + KILL_PATIENCE)

    def _ask(self, deadline: float) -> None:
        asked: set[psutil.Process] = set()
        self.reap()
        while (children := self._children()) and time.monotonic() < deadline:
            for process in _with_descendants(children):
                if process not in asked:
                    asked.add(process)
                    with suppress(psutil.Error):
                        process.terminate()
            time.sleep(POLL_SECONDS)
            self.reap()

    def _kill(self, deadline: float) -> list[int]:
        """Kill children until there are none: those of a killed child become ours, and it cannot start them again.

        Only our own children are ever killed, whose ids nobody else can get before we have reaped them.
        """
        before: list[int] = []
        while (children := self._children()) and time.monotonic() < deadline:
            for pid in children:
                _kill_with_group(pid)
            self.reap()
            if children == before:  # who forks on and on is outrun; who merely takes time to die is waited for
                time.sleep(POLL_SECONDS)
            before = children
        return children

    def _children(self) -> list[int]:
        return [pid for pid in _children_of_this_process() if not self._is_stranger(pid)]

    def _is_stranger(self, pid: int) -> bool:
        stranger = self._strangers.get(pid)
        return stranger is not None and stranger.is_running()  # otherwise its id has gone to somebody else


def _children_of_this_process() -> list[int]:
    """The direct children, zombies too.

    The kernel's own list (proc(5), `children`) is never empty while a child lives. A walk over all processes can miss
    one that hands over to the next in between; it serves where a kernel is built without the list.
    """
    if not _KERNEL_LISTS_CHILDREN:
        return [process.pid for process in psutil.Process().children()]
    pids: list[int] = []
    # A thread that ends hands its children to the first one, which is looked at last so that none slips by.
    for task in sorted(Path("/proc/self/task").iterdir(), key=lambda task: task.name == str(os.getpid())):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
            pids += map(int, (task / "children").read_text().split())
    return pids


def _with_descendants(pids: list[int]) -> list[psutil.Process]:
    """Parents before their children: a shell that sees its child end first would make an exit code of that."""
    found: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def _kill_with_group(child: int) -> None:
    """SIGKILL to the child and at one blow to its group, whose members can't fork out of it meanwhile.

    A suite's process starts a session of its own, and groups never span sessions, so nobody else is in its groups.
    """
    with suppress(OSError):
        group = os.getpgid(child)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
    with suppress(OSError):
        os.kill(child, signal.SIGKILL)
