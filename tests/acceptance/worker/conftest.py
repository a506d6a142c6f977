"""The fixture that every test of the worker's process starts from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.worker_pod import Pod


@pytest.fixture
def pod(tmp_path: Path, aws: Any, clean_env: dict[str, str]) -> Iterator[Pod]:
    surroundings = Pod(tmp_path, aws, clean_env)
    yield surroundings
    surroundings.close()
