"""How far the reporter has come, as the worker sees it: a count on the shared volume that only ever grows."""

import asyncio
from pathlib import Path

import structlog

from handoff import volume
from handoff.records import Progress

WRITE_SECONDS = 2.0
"""Shortest time between two writes of `progress.json`; it bounds the load that a fast upload puts on the volume."""

_log = structlog.get_logger()


class Steps:
    """Counts the steps of the work in hand: a part uploaded, a file uploaded, a batch of cases read."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> None:
        """Count one step. Cheap: it writes nothing itself."""
        self._count += 1

    async def report(self, folder: Path, *, every: float = WRITE_SECONDS) -> None:
        """Write the count to `progress.json` in `folder` every `every` seconds in which it has grown, until cancelled.

        A write that fails is logged and repeated: it only shortens the worker's wait.
        """
        written = 0
        while True:
            await asyncio.sleep(every)
            count = self._count
            if count == written:
                continue
            try:
                await asyncio.to_thread(volume.write, folder, Progress(count=count))
            except OSError as error:
                _log.warning("progress_not_written", detail=str(error))
            else:
                written = count
