"""The reporter's progress for the worker: a growing count in `progress.json`."""

import asyncio
from pathlib import Path

import structlog

from handoff import volume
from handoff.records import Progress

WRITE_SECONDS = 2.0
"""Seconds between two writes of `progress.json`, which bounds the load on the volume."""

_log = structlog.get_logger()


class Steps:
    """Counts steps: a part uploaded, a file uploaded, a batch of cases read."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> None:
        """Count one step. `report` writes the count."""
        self._count += 1

    async def report(self, folder: Path, *, every: float = WRITE_SECONDS) -> None:
        """Write the count to `progress.json` in `folder` every `every` seconds if it has grown, until cancelled.

        A failed write is logged and repeated. It does not fail the attempt.
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
