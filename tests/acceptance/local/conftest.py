"""The fleet as a whole: real processes over a real queue, database and bucket."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testfleet.local.fleet import Fleet, FleetConfig
from tests.support.fleet import CATALOG


@pytest.fixture
def config() -> Iterator[FleetConfig]:
    """A fleet whose messages come back after a crash within seconds."""
    with _config() as config:
        yield config


@pytest.fixture(scope="module")
def module_config() -> Iterator[FleetConfig]:
    """The same for a fleet that the tests of a module share."""
    with _config() as config:
        yield config


@contextmanager
def _config() -> Iterator[FleetConfig]:
    # The folder is outside of pytest's, which PostgreSQL's user may not enter.
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        Path(folder).chmod(0o755)
        yield FleetConfig(Path(folder), CATALOG, max_pods=4, visibility_timeout=6, lease=6, stop_grace=5)


@pytest.fixture
def fleet(config: FleetConfig) -> Iterator[Fleet]:
    """A running fleet."""
    with Fleet(config) as running:
        yield running
