"""Measures the pod's volumes before the kubelet does.

A volume that exceeds its `sizeLimit` gets the whole pod evicted: no result is recorded, and the next pod does the same.
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
"""Seconds between two measurements."""

SHARE = 10
"""Pause after a measurement as a multiple of its own length: it takes less than a tenth of a core."""

MIB = 1024 * 1024
_BLOCK = 512  # bytes, the unit of st_blocks: stat(2)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much the folder of a volume may hold, in MiB; `setting` is the variable that sets it."""

    name: str
    """In the plural, for the reason."""
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
    """One line on the first folder that holds more than it may, None where there is none."""
    for limit in limits:
        held = used(limit.folder)
        if held > limit.mib * MIB:
            return f"{limit.name} exceed {limit.mib} MiB ({limit.setting}): {limit.folder} holds {held / MIB:.0f} MiB"
    return None


def used(folder: Path) -> int:
    """The bytes that a folder takes up: blocks, not lengths, and a file with several names once.

    No link is followed. A file that vanishes meanwhile or can't be read counts as empty.
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
