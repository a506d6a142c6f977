"""Extend the visibility timeout of a message while it is handled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


async def beat(extend: Callable[[], Awaitable[None]], *, every: float, until: asyncio.Event) -> None:
    """Call `extend` every `every` seconds until the event is set.

    A failed call is logged and tried again at the next beat. It stops nothing, because a message that becomes visible
    early gets the admission `busy`.
    """
    while True:
        try:
            async with asyncio.timeout(every):
                await until.wait()
        except TimeoutError:
            try:
                await extend()
            except Exception as error:  # noqa: BLE001  # no error may stop the suite
                log.warning("visibility_not_extended", detail=str(error))
        else:
            return
