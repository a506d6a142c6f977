"""pytest: a plugin of ours keeps the tests of this shard, by a stable hash of their ids, and writes the JUnit."""

import sys
from pathlib import Path

from handoff.message import JobMessage
from worker.catalog import Suite
from worker.runners.plan import HASH_SEED, Folders, Plan

LAUNCHER = Path(__file__).parent / "inside" / "pytest_run.py"


def plan(suite: Suite, _job: JobMessage, _folders: Folders) -> Plan:
    """`pytest` in the suite's folder; the plugin reads `SHARD_INDEX`, `SHARD_TOTAL` and `JUNIT_FILE`."""
    return Plan(
        # The cache would go into the suite's folder, which may be read-only, and die with the pod anyway.
        argv=(sys.executable, str(LAUNCHER), "-p", "no:cacheprovider", *suite.args),
        cwd=suite.path,
        env={**HASH_SEED, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
    )
