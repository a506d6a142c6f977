"""Fixtures with every tool on PATH. No test starts one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handoff.message import JobMessage, Shard
from worker.catalog import Suite
from worker.runners import plan
from worker.runners.plan import Folders, NoTests, Plan


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Create programs on an otherwise empty PATH, and return their folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def programs(*names: str) -> Path:
        for name in names:
            (folder / name).touch(mode=0o755)
        return folder

    return programs


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan | NoTests]:
    """Plan one shard of a suite in the folder `suite`."""

    def of(runner: Any, shard: str = "1/1", **fields: Any) -> Plan | NoTests:
        suite = Suite(name="mine", runner=runner, path=tmp_path / "suite", timeout=60, **fields)
        suite.path.mkdir(exist_ok=True)
        job = JobMessage(run_id="r-1", suite="mine", shard=Shard.model_validate(shard))
        return plan(suite, job, Folders(Path("/artifacts")))

    return of
