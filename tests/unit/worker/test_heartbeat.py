"""The heartbeat extends the visibility timeout until the work is done."""

import asyncio

from worker import heartbeat


async def test_a_failing_extension_is_tried_again_and_stops_nothing() -> None:
    """The lease is the authority, and a redelivery gets the admission `busy`."""
    done = asyncio.Event()
    calls: list[int] = []

    async def extend() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            done.set()
        if len(calls) == 2:
            raise ConnectionError
        await asyncio.sleep(0)

    await heartbeat.beat(extend, every=0.001, until=done)
    assert calls == [0, 1, 2]


async def test_no_extension_comes_after_the_end() -> None:
    """It would hide a message that was just released."""
    done = asyncio.Event()
    done.set()

    async def extend() -> None:
        raise AssertionError

    await heartbeat.beat(extend, every=0.001, until=done)
