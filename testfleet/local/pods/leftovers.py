"""What a killed worker left running. On a cluster the end of its container takes it along; here nothing does."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE_SECONDS = 5
"""How long processes may take to die of SIGKILL; one that hangs in the kernel is nothing to wait for."""

POLL_SECONDS = 0.02


def kill_leftovers(artifacts: Path, *, spared: Collection[int]) -> int:
    """SIGKILL to whoever was told that `artifacts` is its folder, until nobody is left; how many there were.

    A suite's process and its descendants inherit ARTIFACTS_DIR. Who has cleared it is not found.
    """
    found: set[psutil.Process] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (those := set(_told(artifacts, spared))) and time.monotonic() < deadline:
        found |= those
        for process in those:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(POLL_SECONDS)
    return len(found)


def _told(artifacts: Path, spared: Collection[int]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid in spared or process.pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):  # it has ended, or is another user's
            if process.environ().get("ARTIFACTS_DIR") == str(artifacts):
                yield process
