"""A fixture that writes reports."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.reports import HEAD, TAIL, element


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a report of cases (elements or just names) below the artifacts folder `tmp_path`."""

    def write(path: str, *cases: str, head: str = HEAD, tail: str = TAIL) -> Path:
        file = tmp_path / "junit" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + "".join(map(element, cases)) + tail, encoding="utf-8")
        return file

    return write
