"""Waiting: the first of several wins, the others are cancelled, and no thread delays the end."""

import asyncio
import threading

import pytest

from runtime.waiting import Stopped, in_thread, race, until_stopped, with_grace


async def _never() -> None:
    await asyncio.Event().wait()


async def _fails() -> None:
    raise OSError("no more processes")


async def _seven() -> int:
    return 7


async def test_a_thread_returns_or_raises() -> None:
    """The loop runs meanwhile."""
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_the_answer_of_a_thread_without_a_waiter_is_ignored() -> None:
    """The thread is a daemon and does not keep the process alive."""
    go, seen = threading.Event(), []

    def work() -> None:
        seen.append(threading.current_thread())
        go.wait()

    task = asyncio.ensure_future(in_thread(work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    seen[0].join()
    await asyncio.sleep(0)  # the late answer arrives here and is ignored
    assert seen[0].daemon


async def test_the_first_of_several_wins() -> None:
    """The others are cancelled and their places kept."""
    never, seven = await race(_never(), _seven())
    assert never is None
    assert seven is not None
    assert seven.result() == 7


async def test_a_race_without_a_winner_ends_at_its_deadline() -> None:
    """No wait is without a deadline."""
    (never,) = await race(_never(), timeout=0)
    assert never is None


async def test_a_race_in_which_one_fails_raises_and_names_no_winner() -> None:
    """A caller that checks only which runner ended would take a failure for a win."""
    with pytest.raises(OSError, match="no more processes"):
        await race(_never(), _fails())


async def test_a_loser_that_fails_while_it_is_cancelled_has_lost() -> None:
    """Its error in place of the cancellation must not look like a result."""

    async def stubborn() -> None:
        try:
            await _never()
        except asyncio.CancelledError as error:
            raise OSError from error

    lost, seven = await race(stubborn(), _seven())
    assert lost is None
    assert seven is not None


async def test_a_result_wins_over_a_stop() -> None:
    """A received message must be released."""
    stop = asyncio.Event()
    stop.set()
    assert await until_stopped(stop, _seven()) == 7
    with pytest.raises(Stopped):
        await until_stopped(stop, _never())


async def test_a_stop_cancels_the_work_and_waits_for_its_clean_up() -> None:
    """Work that never ends is cancelled, and its `finally` has run before the caller goes on."""
    stop, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        stop.set()
        try:
            await _never()
        finally:
            cleaned.set()

    with pytest.raises(Stopped):
        await until_stopped(stop, work())
    assert cleaned.is_set()


async def test_an_error_is_no_stop() -> None:
    """The error of the work is raised."""
    with pytest.raises(OSError, match="no more processes"):
        await until_stopped(asyncio.Event(), _fails())


async def test_work_that_ends_within_the_grace_is_kept() -> None:
    """The grace begins with the stop, not with the work."""
    stop, released = asyncio.Event(), asyncio.Event()

    async def work() -> int:
        stop.set()
        await released.wait()
        return 7

    async with asyncio.timeout(5):
        working = asyncio.create_task(with_grace(60, stop, work()))
        await stop.wait()
        released.set()
        assert await working == 7


async def test_work_that_outlasts_the_grace_is_cancelled() -> None:
    """The pod's own grace period ends soon after."""
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Stopped):
        await with_grace(0.001, stop, _never())
