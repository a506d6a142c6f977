"""Every process that a suite has started, to the last grandchild, and how to be rid of them all.

A process that outlives its parent is handed to the nearest ancestor that is a *child subreaper* (Linux, prctl(2)). The
worker is one, so whatever group or session a daemon moved to, it stays our descendant and can be found.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress

import psutil

POLL_SECONDS = 0.05

KILL_PATIENCE = 10
"""Seconds until we give up on processes that not even SIGKILL ends: they hang in the kernel."""

_PR_SET_CHILD_SUBREAPER = 36


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


class Family:
    """The descendants of this process, apart from those that were there before the family was founded."""

    def __init__(self) -> None:
        self._strangers = frozenset(psutil.Process().children())

    def living(self) -> list[psutil.Process]:
        """Who runs now; zombies don't."""
        return [process for process in self._members(recursive=True) if not _is_zombie(process)]

    def reap(self, *, but: int | None = None) -> None:
        """Collect the exit codes that nobody else will, so that no zombie stays; `but` is a child with a waiter."""
        for process in self._members(recursive=False):
            if process.pid != but and _is_zombie(process):
                with suppress(ChildProcessError):  # whoever started it was faster
                    os.waitpid(process.pid, os.WNOHANG)

    def end(self, grace: float, *, but: int | None = None) -> list[psutil.Process]:
        """SIGTERM to all, also to those that are born meanwhile; after `grace` seconds SIGKILL until none is left.

        Blocks. The answer is who is left all the same, hung in the kernel: nobody, usually.
        """
        self._ask(time.monotonic() + grace, but=but)
        return self._kill(time.monotonic() + KILL_PATIENCE, but=but)

    def _ask(self, deadline: float, *, but: int | None) -> None:
        asked: set[psutil.Process] = set()
        while (living := self.living()) and time.monotonic() < deadline:
            for process in living:
                if process not in asked:
                    asked.add(process)
                    with suppress(psutil.Error):
                        process.terminate()
            self.reap(but=but)
            time.sleep(POLL_SECONDS)
        self.reap(but=but)

    def _kill(self, deadline: float, *, but: int | None) -> list[psutil.Process]:
        before: set[psutil.Process] = set()
        while (living := self.living()) and time.monotonic() < deadline:
            _kill_groups(living)
            for process in living:
                with suppress(psutil.Error):
                    process.kill()
            self.reap(but=but)
            if before.issuperset(living):  # who forks on and on is outrun, who merely takes time to die is waited for
                time.sleep(POLL_SECONDS)
            before = set(living)
        self.reap(but=but)
        return living

    def _members(self, *, recursive: bool) -> list[psutil.Process]:
        strangers = set(self._strangers)
        if recursive:
            for stranger in self._strangers:
                with suppress(psutil.Error):
                    strangers.update(stranger.children(recursive=True))
        return [process for process in psutil.Process().children(recursive=recursive) if process not in strangers]


def _kill_groups(processes: list[psutil.Process]) -> None:
    """SIGKILL each group at one blow: its members cannot fork out of it while the kernel walks through them.

    A suite's process starts a session of its own, and groups never span sessions, so nobody else is in them.
    """
    groups: set[int] = set()
    for process in processes:
        with suppress(OSError):
            groups.add(os.getpgid(process.pid))
    for group in groups - {os.getpgrp()}:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
