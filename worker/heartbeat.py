"""Keeping the message hidden from others for as long as we work on it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


async def beat(extend: Callable[[], Awaitable[None]], *, every: float, until: asyncio.Event) -> None:
    """Call `extend` every so many seconds, until the event is set and no call is under way any more.

    A call that fails is logged and tried again with the next beat. It stops nothing: a message that comes back early
    only finds its shard busy.
    """
    while True:
        try:
            async with asyncio.timeout(every):
                await until.wait()
        except TimeoutError:
            try:
                await extend()
            except Exception as error:  # noqa: BLE001  # whatever it was, the suite goes on
                log.warning("visibility_not_extended", detail=str(error))
        else:
            return
