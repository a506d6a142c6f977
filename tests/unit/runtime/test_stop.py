"""SIGTERM sets the event, also when it arrives before the event loop runs."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from runtime.stop import Stop


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop whose handlers are installed for one test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = Stop()
    stop.install()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_signal_sets_the_event(stop: Stop) -> None:
    """SIGTERM sets the event."""
    event = stop.bind()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await event.wait()


async def test_a_signal_before_the_loop_is_not_forgotten(stop: Stop) -> None:
    """A signal that arrived during the imports has set the event when the loop starts."""
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.bind().is_set()
