"""How each kind of suite is run: one module per runner, each with one function from suite and job to a `Plan`."""

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
    """The process that runs this shard of the suite, or that there is nothing to run.

    Raises:
        CannotPlan: a tool, a script or the suite's folder is missing or unreadable; one line says which.
    """
    if not suite.path.is_dir():
        raise CannotPlan(f"suites.{suite.name}.path: must be a folder, {suite.path} is none")
    return _RUNNERS[suite.runner](suite, job, folders)
