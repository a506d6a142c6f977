"""The reporter's progress for the worker."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from handoff import volume
from handoff.records import Progress
from reporter.progress import Steps


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def shown(folder: Path) -> int | None:
    progress = volume.read(folder, Progress)
    return None if progress is None else progress.count


async def test_the_count_is_written_when_it_has_grown_and_only_then(tmp_path: Path) -> None:
    """A thousand steps lead to one write. Without a step, nothing is written."""
    steps = Steps()
    reporting = asyncio.create_task(steps.report(tmp_path, every=0.01))
    await asyncio.sleep(0.05)
    assert shown(tmp_path) is None
    for _ in range(1000):
        steps()
    await until(lambda: shown(tmp_path) == 1000)
    written = (tmp_path / Progress.FILE).stat().st_ino
    await asyncio.sleep(0.05)
    assert (tmp_path / Progress.FILE).stat().st_ino == written
    steps()
    await until(lambda: shown(tmp_path) == 1001)
    reporting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reporting


async def test_a_failed_write_is_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "handoff"
    steps = Steps()
    steps()
    with capture_logs() as logs:
        reporting = asyncio.create_task(steps.report(folder, every=0.01))
        await until(lambda: bool(logs))
    assert logs[0]["event"] == "progress_not_written"
    folder.mkdir()
    await until(lambda: shown(folder) == 1)
    reporting.cancel()
