"""Measure the pod's volumes, so that a suite ends before the kubelet evicts the pod.

The kubelet evicts a pod whose volume exceeds its `sizeLimit`. No result is recorded then, and the next pod is evicted
too.
"""

import asyncio
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runtime.waiting import in_thread

LEAST_PAUSE = 1.0
"""Minimum seconds between two measurements."""

SHARE = 10
"""Pause after a measurement, as a multiple of its duration. Measuring takes less than a tenth of a core."""

MIB = 1024 * 1024
_BLOCK = 512  # bytes, the unit of st_blocks: stat(2)


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum MiB in a folder. `setting` is the environment variable that sets it."""

    name: str
    """A plural noun for the reason: "artifacts"."""
    folder: Path
    mib: int
    setting: str


async def exceeded(limits: Sequence[Limit]) -> str:
    """Wait until a folder exceeds its limit, and return one line that names it."""
    if not limits:
        await asyncio.Event().wait()
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        if (found := await in_thread(partial(check, limits))) is not None:
            return found
        await asyncio.sleep(max(LEAST_PAUSE, SHARE * (loop.time() - begun)))


def check(limits: Sequence[Limit]) -> str | None:
    """Return one line on the first folder that exceeds its limit, or None."""
    for limit in limits:
        held = used(limit.folder)
        if held > limit.mib * MIB:
            return f"{limit.name} exceed {limit.mib} MiB ({limit.setting}): {limit.folder} holds {held / MIB:.0f} MiB"
    return None


def used(folder: Path) -> int:
    """Return the bytes of a folder's blocks on disk. A file with several hard links counts once.

    Symbolic links are not followed. A file that disappears or can't be read counts as empty.
    """
    total = 0
    linked: set[tuple[int, int]] = set()
    waiting = [os.fspath(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(entry.path)
                    elif found.st_nlink > 1:
                        if (found.st_dev, found.st_ino) in linked:
                            continue
                        linked.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * _BLOCK
    return total
