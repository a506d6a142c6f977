"""The command as a process. Each test has its own database, queue and bucket."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.command import Command
from tests.support.forks.popen import Popen, run_program

DEADLINE = 120.0
"""Seconds. Only a hang exceeds it."""


@pytest.fixture
def command_env(clean_env: dict[str, str], aws: Any, database_url: str) -> dict[str, str]:
    """The environment of a pipeline, without the variables of a CI service."""
    ci = ("CI", "GITHUB_", "GITLAB_", "CODEBUILD_", "BUILDKITE", "CIRCLE", "JENKINS_", "GIT_", "BRANCH_")
    bare = {name: value for name, value in clean_env.items() if not name.startswith(ci)}
    return bare | {
        **aws.env,
        "TESTFLEET_DATABASE_URL": database_url,
        "TESTFLEET_QUEUE_URL": aws.queue_url,
        "TESTFLEET_DEAD_LETTER_QUEUE_URL": aws.dead_letter_queue_url,
        "TESTFLEET_BUCKET": aws.bucket,
    }


@pytest.fixture
def command(command_env: dict[str, str], tmp_path: Path) -> Command:
    """Runs the command in an empty folder; an empty string unsets a variable."""

    def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in (command_env | env).items() if value}
        return run_program(
            argv(arguments),
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            encoding=environment.get("PYTHONIOENCODING", "utf-8"),
            timeout=DEADLINE,
        )

    return run


@pytest.fixture
def start(command_env: dict[str, str]) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts the command without waiting. A keyword in capitals is a variable of its environment."""

    def popen(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
        env = {name: options.pop(name) for name in list(options) if name.isupper()}
        return Popen(argv(arguments), env=command_env | env, text=True, **options)

    return popen


def argv(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "testfleet", *arguments]


@pytest.fixture
def execute(database_url: str) -> Callable[..., None]:
    """Runs SQL in the test's database, in place of a reporter."""

    def run(sql: str, **values: Any) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(sql.encode(), values)

    return run
