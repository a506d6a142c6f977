from datetime import UTC, datetime

import pytest

from testfleet.seeding.generate import History, generate
from testfleet.seeding.values import Run, Scale


@pytest.fixture(scope="session")
def end() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def scale() -> Scale:
    return Scale(days=40, suites=6, runs_per_day=40)


@pytest.fixture(scope="session")
def history(scale: Scale, end: datetime) -> History:
    return generate(4, scale, end)


@pytest.fixture(scope="session")
def runs(history: History) -> dict[str, Run]:
    return {run.run_id: run for run in history.runs}
