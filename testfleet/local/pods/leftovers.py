"""Suite processes that a killed worker leaves. In a cluster they end with the container; here they would stay."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE_SECONDS = 5
"""Seconds that processes get to die of SIGKILL. A process that hangs in the kernel is not waited for any longer."""

POLL_SECONDS = 0.02


def kill_leftovers(artifacts: Path, *, spared: Collection[int]) -> int:
    """Kill every process whose ARTIFACTS_DIR is `artifacts`, except the PIDs in `spared`; return their number.

    A suite's process passes ARTIFACTS_DIR on to its descendants. A process that removed the variable is not found.
    """
    found: set[psutil.Process] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := set(_processes_of(artifacts, spared))) and time.monotonic() < deadline:
        found |= left
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(POLL_SECONDS)
    return len(found)


def _processes_of(artifacts: Path, spared: Collection[int]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid in spared or process.pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):  # the process has ended, or belongs to another user
            if process.environ().get("ARTIFACTS_DIR") == str(artifacts):
                yield process
