"""The runners, one module each. Its function `plan` maps suite, job and folders to a `Plan`."""

from collections.abc import Callable

from handoff.message import JobMessage
from worker.catalog import RunnerName, Suite
from worker.errors import CannotPlan
from worker.runners import command, k6, newman, playwright, pytest
from worker.runners.plan import Folders, NoTests, Plan

_RUNNERS: dict[RunnerName, Callable[[Suite, JobMessage, Folders], Plan | NoTests]] = {
    "command": command.plan,
    "k6": k6.plan,
    "newman": newman.plan,
    "playwright": playwright.plan,
    "pytest": pytest.plan,
}


def plan(suite: Suite, job: JobMessage, folders: Folders) -> Plan | NoTests:
    """Return the process that runs this shard of the suite, or `NoTests`.

    Raises:
        CannotPlan: a tool, a script or the suite's folder is missing or unreadable. The error is one line.
    """
    if not suite.path.is_dir():
        raise CannotPlan(f"suites.{suite.name}.path: must be an existing folder, but {suite.path} is not")
    return _RUNNERS[suite.runner](suite, job, folders)
