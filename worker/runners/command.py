"""Suites with a command of their own: an argv, run as it stands, that writes its JUnit to `$JUNIT_FILE`."""

from handoff.message import JobMessage
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import tools
from worker.runners.plan import HASH_SEED, Folders, Plan


def plan(suite: Suite, _job: JobMessage, _folders: Folders) -> Plan:
    """The suite's command. How a shard is cut is the command's own affair: it reads `SHARD_INDEX` and `SHARD_TOTAL`.

    Raises:
        CannotPlan: there is no such program.
    """
    program = suite.command[0]
    # A name with a slash is meant from the suite's folder, as a shell that stands there would take it.
    if tools.on_path(str(suite.path / program) if "/" in program else program) is None:
        raise CannotPlan(
            f"suites.{suite.name}.command: must name a program on PATH or in the suite's folder: {program}"
        )
    return Plan(argv=(*suite.command, *suite.args), cwd=suite.path, env=HASH_SEED)
