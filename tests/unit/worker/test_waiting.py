"""Waiting: the first of several wins, the others are cancelled, and a thread never holds up the end."""

import asyncio
import threading

import pytest

from worker import heartbeat
from worker.waiting import Stopped, in_thread, race, unless


async def _never() -> None:
    await asyncio.Event().wait()


async def _fails() -> None:
    raise OSError("no more processes")


async def _seven() -> int:
    return 7


async def test_a_thread_answers_or_raises() -> None:
    """The loop goes on meanwhile."""
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_thread_that_nobody_waits_for_ends_in_silence() -> None:
    """Its answer goes nowhere, and it is a daemon: it can't keep the process."""
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
    await asyncio.sleep(0)  # the late answer is delivered here, to nobody
    assert seen[0].daemon


async def test_the_first_of_several_wins() -> None:
    """The others are cancelled and their places kept."""
    never, seven = await race(_never(), _seven())
    assert never is None
    assert seven is not None
    assert seven.result() == 7


async def test_a_race_that_nobody_wins_ends_at_its_deadline() -> None:
    """No wait is without a deadline."""
    (never,) = await race(_never(), timeout=0)
    assert never is None


async def test_a_race_in_which_one_fails_raises_and_names_no_winner() -> None:
    """A failure is no win: a caller that asks only who has ended would take it for one."""
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
    """A message that is in hand must be given back, not forgotten."""
    stop = asyncio.Event()
    stop.set()
    assert await unless(stop, _seven()) == 7
    with pytest.raises(Stopped):
        await unless(stop, _never())


async def test_a_failing_extension_is_tried_again_and_stops_nothing() -> None:
    """The lease is the authority; a redelivery would only find the shard busy."""
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
