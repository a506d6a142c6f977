"""docs/commands.md shows commands that exist, and documents every key of their JSON."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from testfleet.cli.app import COMMANDS, app
from testfleet.mcp.answers import Answers
from testfleet.results.causes import Cause, RunCause, RunCauses
from testfleet.results.compare import CHANGES, CaseChange, Comparison
from testfleet.results.history import CaseHistory, Execution
from testfleet.results.meaning import BrokenSince, Failure, RunMeaning
from testfleet.results.regressions import Drop, Regression, Regressions
from testfleet.results.runs import RunDetail
from testfleet.results.states import CaseState
from testfleet.results.trends import Fleet, SlowCase, SuiteChange, SuiteDay, Trends
from tests.support.command_examples import commands

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")

RECORDS = (
    RunDetail,
    RunMeaning,
    BrokenSince,
    Failure,
    CaseState,
    Regressions,
    Regression,
    Drop,
    RunCauses,
    RunCause,
    Cause,
    Trends,
    SuiteChange,
    Fleet,
    SuiteDay,
    SlowCase,
    Comparison,
    CaseChange,
    CaseHistory,
    Execution,
)


@pytest.mark.parametrize("arguments", commands(PAGE), ids=" ".join)
def test_each_example_is_a_command_with_options_that_it_has(arguments: list[str]) -> None:
    """The parser of the command accepts it."""
    name, *given = arguments
    group = typer.main.get_command(app)
    command = group.commands[name]  # type: ignore[attr-defined]  # a group
    with command.make_context(name, given) as context:
        assert context.params


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_key_of_a_record_is_documented(record: type) -> None:
    """Programs rely on the keys."""
    keys = ", ".join(f"`{field.name}`" for field in fields(record))
    assert f"| {record.__name__} | {keys} |" in PAGE.splitlines()


def test_each_change_and_each_tool_is_documented() -> None:
    for change in CHANGES:
        assert f"`{change}`" in PAGE
    tools = [name for name in vars(Answers) if not name.startswith("_") and name != "database"]
    assert len(tools) == 9
    for tool in tools:
        assert f"`{tool}`" in PAGE


def test_each_command_of_the_page_is_a_command() -> None:
    named = set(re.findall(r"`testfleet ([a-z-]+)", PAGE))
    assert named <= set(COMMANDS)
