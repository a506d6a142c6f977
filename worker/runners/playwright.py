"""Playwright: shards by `--shard`. testfleet's own Playwright reporter writes JUnit as tests finish."""

from pathlib import Path

from handoff.message import JobMessage
from handoff.records import FailedTests
from worker.catalog import Suite
from worker.runners import tools
from worker.runners.plan import Folders, Plan

REPORTER = Path(__file__).parent / "inside" / "playwright_reporter.cjs"


def plan(suite: Suite, job: JobMessage, folders: Folders) -> Plan:
    """Return `playwright test` on one shard. Traces, videos and screenshots go to the artifacts folder.

    Raises:
        CannotPlan: Node or Playwright is not installed.
    """
    return Plan(
        argv=(
            *tools.node_command("playwright", suite.path),
            "test",
            *suite.args,
            f"--shard={job.shard}",
            f"--reporter=list,{REPORTER}",
            # Playwright empties this folder before it starts.
            f"--output={folders.artifacts / 'playwright'}",
        ),
        cwd=suite.path,
        env={"FORCE_COLOR": "0"},
        failed_tests=FailedTests(one_case_each=True),
    )
