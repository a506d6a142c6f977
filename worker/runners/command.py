"""Suites with their own command: an argv that writes its JUnit to `$JUNIT_FILE`."""

from handoff.message import JobMessage
from handoff.records import FailedTests
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import tools
from worker.runners.plan import HASH_SEED, Folders, Plan


def plan(suite: Suite, _job: JobMessage, _folders: Folders) -> Plan:
    """Return the suite's command. The command selects its shard itself, by `SHARD_INDEX` and `SHARD_TOTAL`.

    Raises:
        CannotPlan: the program does not exist.
    """
    program = suite.command[0]
    # A name with a slash is relative to the suite's folder, the working directory.
    if tools.on_path(str(suite.path / program) if "/" in program else program) is None:
        raise CannotPlan(
            f"suites.{suite.name}.command: must name a program on PATH or in the suite's folder, but is {program}"
        )
    return Plan(
        argv=(*suite.command, *suite.args),
        cwd=suite.path,
        env=HASH_SEED,
        failed_tests=FailedTests(exit_codes=suite.failed_exit_codes),
    )
