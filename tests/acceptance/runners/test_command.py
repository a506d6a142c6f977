"""Suites with their own command."""

from collections.abc import Callable
from typing import Any

SCRIPT = """#!/bin/sh
printf '<testsuite name="%s"><testcase name="%s"/></testsuite>' "$RUN_ID" "$SHARD_INDEX of $SHARD_TOTAL" > "$JUNIT_FILE"
exit 3
"""


def test_a_command_runs_in_its_folder_and_writes_its_own_report(bench: Callable[..., Any]) -> None:
    """Its environment holds the shard, and its exit code is the suite's."""
    suite = bench("command", {"run.sh": SCRIPT}, command=("./run.sh",))
    (suite.suite.path / "run.sh").chmod(0o755)
    ended = suite.run("2/3")
    assert ended.exit_code == 3
    assert ended.cases == [("2 of 3", ())]
