"""Wait in the event loop: for a blocking call, for the first of several coroutines, for a result or a stop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The process received a stop before the wait ended."""


async def in_thread(call: Callable[[], T]) -> T:
    """Run the blocking `call` in a thread and return what it returns, or raise what it raises.

    The thread is a daemon, unlike those of `asyncio.to_thread`: a long poll whose caller was cancelled must not keep
    the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():  # the caller was cancelled
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # without an error, `call` returned a result
        else:
            future.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001  # raised again in the caller
            error = raised
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await future


async def race(
    *runners: Coroutine[Any, Any, Any],
    timeout: float | None = None,  # noqa: ASYNC109  # the losers must be cancelled, not the race
) -> tuple[asyncio.Task[Any] | None, ...]:
    """Wait until one runner has ended or `timeout` seconds have passed, then cancel the others.

    Return one item for each runner, in the order given: its task if it has returned, None if it was cancelled.
    A runner that fails while it is cancelled counts as cancelled.

    Raises:
        Exception: the error of the first runner, in that order, that failed before the others were cancelled.
    """
    tasks = tuple(asyncio.ensure_future(runner) for runner in runners)
    try:
        ended, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in ended:
            task.result()
    return tuple(task if task in ended else None for task in tasks)


async def until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel it if `stop` is set first.

    Raises:
        Stopped: `stop` was set first.
        Exception: the error of `work`.
    """
    task, _ = await race(work, stop.wait())
    if task is None:
        raise Stopped
    result: T = task.result()
    return result


async def with_grace(seconds: float, stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`. It is cancelled if it still runs `seconds` after `stop` was set.

    Raises:
        Stopped: the grace ended first.
        Exception: the error of `work`.
    """
    task, _ = await race(work, _after(seconds, stop))
    if task is None:
        raise Stopped
    result: T = task.result()
    return result


async def _after(seconds: float, stop: asyncio.Event) -> None:
    await stop.wait()
    await asyncio.sleep(seconds)
