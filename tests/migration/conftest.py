"""A fixture that replaces the migrations."""

from pathlib import Path

import pytest

from testfleet.database import migrations


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose migrations replace ours."""
    monkeypatch.setattr(migrations, "folder", lambda: tmp_path)
    return tmp_path
