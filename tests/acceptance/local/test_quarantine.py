"""Quarantine with a real worker, a real reporter and pytest: from a reviewed file and from the command."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handoff.message import JobMessage
from testfleet.local.pods.pod import Pod
from tests.support import results
from tests.support.aws.endpoint import Aws
from tests.support.fleet import eventually, pod_spec
from tests.support.forks.popen import run_program

Run = Callable[..., dict[str, Any]]

TESTS = """
import os, pytest

def test_a_first(): pass
def test_flaky(): assert os.environ.get("PARAM_HEALTHY") == "1"
def test_last(): assert os.environ.get("PARAM_BROKEN") != "1"
"""
CATALOG = """
[suites.mine]
runner = "pytest"
path = "suite"
timeout = "2m"
owner = "team-shop"
args = {args}
"""
FILE = """
[[quarantine]]
suite = "mine"
name = "test_it.test_flaky"
owner = "team-shop"
until = 2999-12-31
reason = "SHOP-1"
"""


@pytest.fixture
def run(tmp_path: Path, aws: Aws, database_url: str) -> Iterator[Run]:
    """Run the suite in one pod; return the run's row."""
    started: list[Pod] = []

    def start(run_id: str, *, file: str = "", args: str = "[]", **params: str) -> dict[str, Any]:
        (tmp_path / "suite").mkdir(exist_ok=True)
        (tmp_path / "suite" / "test_it.py").write_text(TESTS)
        (tmp_path / "suite" / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly\n")
        catalog = tmp_path / "catalog.toml"
        catalog.write_text(CATALOG.format(args=args))
        (tmp_path / "quarantine.toml").write_text(file)
        job = JobMessage(run_id=run_id, suite="mine", params=params)
        aws.client("sqs").send_message(QueueUrl=aws.queue_url, MessageBody=job.to_json())
        spec = pod_spec(aws, database_url, catalog)
        started.append(Pod(run_id, tmp_path / f"pod-{run_id}", spec))
        eventually(lambda: results.finished(database_url, run_id), "the run is finished")
        (row,) = results.rows(
            database_url,
            "SELECT status, detail, failed, quarantined FROM test_runs WHERE run_id = %(run_id)s",
            run_id=run_id,
        )
        return row

    yield start
    for pod in started:
        pod.kill()


def command(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_program(
        [sys.executable, "-m", "testfleet", *arguments],
        env={"TESTFLEET_DATABASE_URL": database_url, "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_entry_of_the_file_lets_the_run_pass(run: Run, database_url: str) -> None:
    """pytest exits with 1. Another failure still fails the run."""
    passed = {"status": "passed", "detail": None, "failed": 1, "quarantined": 1}
    assert run("r-1", file=FILE) == passed
    assert run("r-2", file=FILE, BROKEN="1")["status"] == "failed"
    assert run("r-3")["status"] == "failed"
    shown = command(database_url, "show", "r-1").stdout
    assert "quarantine covers 1 failure: the run would have failed without it" in shown


def test_a_suite_that_stops_at_its_first_failure_is_errored(run: Run) -> None:
    """The last test has not run, so that nothing is known of it."""
    row = run("r-1", file=FILE, args='["-x"]', BROKEN="1")
    assert (row["status"], row["quarantined"]) == ("errored", 1)
    assert row["detail"] == "only quarantined cases failed, but 2 of 3 selected tests are in the reports"


def test_the_command_quarantines_a_case_and_removes_it(run: Run, database_url: str) -> None:
    """A case that has only failed is broken and needs --force."""
    assert run("r-1")["status"] == "failed"
    add = (
        "quarantine",
        "add",
        "test_it.test_flaky",
        "--suite",
        "mine",
        "--owner",
        "me",
        "--until",
        "1d",
        "--reason",
        "x",
    )
    refused = command(database_url, *add)
    assert refused.returncode == 64
    assert "is broken and not flaky" in refused.stderr
    assert command(database_url, *add, "--force").returncode == 0
    assert "test_it.test_flaky" in command(database_url, "quarantine", "list").stdout
    assert run("r-2")["status"] == "passed"
    removed = command(database_url, "quarantine", "remove", "test_it.test_flaky", "--suite", "mine")
    assert removed.returncode == 0
    assert run("r-3")["status"] == "failed"
