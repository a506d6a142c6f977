"""Reads the reports in a separate thread, because large XML would block the renewal of the lease."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from reporter.errors import ReportsUnreadable
from reporter.junit.case import Case
from reporter.junit.reading import Summary
from reporter.reports.folder import Reports

T = TypeVar("T")


class Reader:
    """One thread that reads the reports of one shard. Calls run one after the other, even after a cancellation."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reports")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)

    def poll(self) -> AsyncGenerator[list[Case], None]:
        """Yield batches of the cases that were completed since the last poll, under provisional names.

        Raises:
            ReportsUnreadable: the volume failed.
        """
        return self._batches(self._reports.poll)

    def final(self) -> AsyncGenerator[list[Case], None]:
        """Yield batches of all cases under final names. Call it when all files are closed.

        Raises:
            ReportsUnreadable: the volume failed.
        """
        return self._batches(self._reports.final)

    @property
    def summary(self) -> Summary:
        """The summary of the last `final` that was read to its end."""
        return self._reports.summary

    async def _batches(self, start: Callable[[], Iterator[list[Case]]]) -> AsyncGenerator[list[Case], None]:
        batches = await self._call(start)
        while (batch := await self._call(lambda: next(batches, None))) is not None:
            yield batch

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except OSError as error:
            raise ReportsUnreadable(f"a report could not be read: {error}") from error
