"""The worker's waits for the reporter, in virtual time."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from handoff import volume
from handoff.records import Admission, Committed, Progress, Receipt, Run
from tests.support import virtual_time
from worker.errors import ReporterSilent
from worker.sidecar import Sidecar

PATIENCE = 600
RECEIPT = Receipt(Committed(status="passed"))
ADMISSION = Admission(Run(attempt=1))


def counts(*values: int, every: float) -> list[tuple[float, Progress]]:
    return [(number * every, Progress(count=value)) for number, value in enumerate(values, start=1)]


def wait(folder: Path, script: Iterable[tuple[float, Any]], ask: Callable[[Sidecar], Any]) -> tuple[Any, float]:
    """Return the worker's result or error, and the seconds until then. `script` sets when each file appears."""

    async def play() -> None:
        start = asyncio.get_running_loop().time()
        for at, record in script:
            await asyncio.sleep(at - (asyncio.get_running_loop().time() - start))
            volume.write(folder, record)

    async def main() -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        playing = asyncio.create_task(play())
        reporter = Sidecar(folder, worker="pod-1", claim_id="c-1", patience=PATIENCE)
        try:
            return await ask(reporter), loop.time()
        except ReporterSilent as error:
            return str(error), loop.time()
        finally:
            playing.cancel()

    return virtual_time.run(main())


@pytest.mark.parametrize(("record", "ask"), [(RECEIPT, Sidecar.receipt), (ADMISSION, Sidecar.admission)])
def test_a_reporter_that_advances_is_waited_for(record: Any, ask: Any, tmp_path: Path) -> None:
    """An upload of 25 minutes with a part every 500 s ends in its receipt."""
    script = [*counts(1, 2, 3, every=500), (3 * 500 + 599, record)]
    answer, seconds = wait(tmp_path, script, ask)
    assert answer == record.root
    assert seconds == pytest.approx(3 * 500 + 599, abs=1)


@pytest.mark.parametrize("ask", [Sidecar.receipt, Sidecar.admission])
@pytest.mark.parametrize(
    ("progress", "silent_after"),
    [
        ([], 600),
        (counts(1, 2, 3, every=500), 1500 + 600),
        (counts(5, 5, 5, 5, 5, 5, every=100), 100 + 600),
        (counts(5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, every=100), 100 + 600),
    ],
    ids=["silent", "stops to advance", "stuck", "starts again and again"],
)
def test_a_reporter_that_does_not_advance_is_given_up(
    progress: list[tuple[float, Any]], silent_after: float, ask: Any, tmp_path: Path
) -> None:
    """The patience counts from the last growth beyond the maximum, so that each wait ends."""
    answer, seconds = wait(tmp_path, progress, ask)
    assert "the reporter neither wrote it nor made progress within 600 s" in answer
    assert seconds == pytest.approx(silent_after, abs=1)


def test_an_interrupted_pod_waits_no_longer_than_its_grace(tmp_path: Path) -> None:
    """Kubernetes kills the pod whatever the reporter does."""
    answer, seconds = wait(tmp_path, counts(*range(1, 20), every=5), lambda reporter: reporter.receipt(limit=30))
    assert "did not write it within 30 s" in answer
    assert seconds == pytest.approx(30, abs=1)


def test_progress_of_the_admission_is_no_progress_of_the_receipt(tmp_path: Path) -> None:
    """A count that stood before the wait does not prolong it."""
    volume.write(tmp_path, Progress(count=9))
    _, seconds = wait(tmp_path, [], Sidecar.receipt)
    assert seconds == pytest.approx(600, abs=1)
