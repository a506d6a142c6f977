"""Stopping: heard at any moment, and work that gives way."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from reporter.lifecycle.stop import Stop, unless


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop that listens, for the length of a test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = Stop()
    stop.install()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_signal_sets_the_event(stop: Stop) -> None:
    """SIGTERM wakes whoever waits for it."""
    event = stop.bind()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await event.wait()


async def test_a_signal_before_the_loop_is_not_forgotten(stop: Stop) -> None:
    """What came while the imports ran is heard when the loop starts."""
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.bind().is_set()


async def test_finished_work_wins_over_the_stop() -> None:
    """A result that is there is not thrown away."""
    event = asyncio.Event()

    async def work() -> str:
        event.set()
        return "done"

    assert await unless(event, work()) == "done"


async def test_the_stop_cancels_the_work() -> None:
    """Work that waits for ever ends, cleanly, when we are stopped."""
    event, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        event.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    async with asyncio.timeout(5):
        await unless(event, work())
    assert cleaned.is_set()


async def test_what_the_work_raises_is_raised() -> None:
    """An error is no stop."""

    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await unless(asyncio.Event(), work())
