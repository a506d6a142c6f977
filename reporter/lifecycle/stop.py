"""SIGTERM, heard from the first moment: as PID 1 a process without a handler of its own would ignore it."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class Stop:
    """Whether we were asked to stop. It is installed before any heavy import and bound to the event loop later."""

    def __init__(self) -> None:
        self._asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def install(self) -> None:
        """Listen to SIGTERM, and to SIGINT for people at a terminal."""
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)

    def bind(self) -> asyncio.Event:
        """The running loop's event that is set as soon as we were asked, even if that was before."""
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._asked:
            self._event.set()
        return self._event

    def _hear(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._loop is not None and self._event is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)


async def within(seconds: float, stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None where it has not ended `seconds` after the stop; then the work is cancelled."""
    working = asyncio.create_task(work)
    try:
        if await unless(stop, asyncio.wait({working})) is None:
            await asyncio.wait({working}, timeout=seconds)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        await asyncio.wait({working})


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives, or None where the stop came first; then the work is cancelled."""
    stopping = asyncio.create_task(stop.wait())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({stopping, working})
