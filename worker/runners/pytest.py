"""pytest: testfleet's plugin selects the tests of this shard by a stable hash of their ids, and writes the JUnit."""

import sys
from pathlib import Path

from handoff.message import JobMessage
from handoff.records import FailedTests
from worker.catalog import Suite
from worker.runners.plan import HASH_SEED, Folders, Plan

LAUNCHER = Path(__file__).parent / "inside" / "pytest_run.py"


def plan(suite: Suite, _job: JobMessage, _folders: Folders) -> Plan:
    """Return `pytest` in the suite's folder. The plugin reads `SHARD_INDEX`, `SHARD_TOTAL` and `JUNIT_FILE`."""
    return Plan(
        # pytest writes its cache to the suite's folder, which may be read-only, and the pod does not keep it.
        argv=(sys.executable, str(LAUNCHER), "-p", "no:cacheprovider", *suite.args),
        cwd=suite.path,
        env={**HASH_SEED, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        failed_tests=FailedTests(one_case_each=True),
    )
