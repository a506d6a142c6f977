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
        # Cases of setup projects are not among the selected tests, so that they could hide a missing case.
        failed_tests=FailedTests(exit_codes=() if _stops_early(suite.args) else (1,), one_case_each=True),
    )


def _stops_early(args: tuple[str, ...]) -> bool:
    """Return whether an argument ends the run at a number of failures."""
    return any(arg == "-x" or arg.startswith("--max-failures") for arg in args)
