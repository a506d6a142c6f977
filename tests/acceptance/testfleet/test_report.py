"""`testfleet report` as a process."""

import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from tests.support.command import Command

ROWS = """
    INSERT INTO test_runs (run_id, suite, status, shards, shards_done, total, passed, failed, started_at, finished_at)
    VALUES ('r1', 'shop', 'failed', 1, 1, 2, 1, 1, now(), now());
    INSERT INTO test_cases (run_id, day, shard, attempt, file, name, status, message)
    SELECT run_id, day, 1, 1, 'cart.py', c.* FROM test_runs, (VALUES
        ('adds', 'passed', NULL), ('pays', 'failed', E'::error::x\\n##vso[task.complete]\\u2713')) AS c;
"""


@pytest.fixture(autouse=True)
def _rows(execute: Any) -> None:
    for statement in ROWS.split(";")[:-1]:
        execute(statement)


def test_markdown_is_the_default_and_links_to_the_run(command: Command) -> None:
    done = command("report", "r1", TESTFLEET_RUN_URL="https://fleet.example.com/{run_id}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("### ❌ `shop`: 1 failure\n")
    assert "(<https://fleet.example.com/r1>)" in done.stdout


def test_each_format_goes_to_a_file(command: Command, tmp_path: Path) -> None:
    for name, form in (("r.md", "markdown"), ("r.html", "html"), ("r.xml", "junit"), ("r.json", "ctrf")):
        done = command("report", "r1", "--format", form, "--output", name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert JUnitXml.fromfile(str(tmp_path / "r.xml")).failures == 1
    tests = json.loads((tmp_path / "r.json").read_text())["results"]["tests"]
    assert tests[0]["message"] == "::error::x\n##vso[task.complete]✓"
    assert "<!DOCTYPE html>" in (tmp_path / "r.html").read_text()
    assert (tmp_path / "r.md").read_text().startswith("### ❌")


@pytest.mark.parametrize("form", ["markdown", "html", "junit", "ctrf"])
def test_a_ci_service_executes_nothing_of_a_report_on_stdout(command: Command, form: str) -> None:
    """The stream is UTF-8 also where the terminal's encoding is not."""
    done = command("report", "r1", "--format", form, PYTHONIOENCODING="utf-8", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "##vso[" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.lstrip().startswith("::")]
    assert "✓" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "env", "code", "line"),
    [
        (("none",), {}, 64, "RUN_ID: the database has no run none"),
        (("r1", "--format", "pdf"), {}, 64, "'markdown', 'html', 'junit', 'ctrf'"),
        (("r1", "--output", "no/such/folder/x"), {}, 64, "--output: no/such/folder/x: cannot be written"),
        (("r1",), {"TESTFLEET_RUN_URL": "fleet.example.com"}, 78, "TESTFLEET_RUN_URL: must be an http(s):// URL"),
    ],
)
def test_wrong_input_is_one_line(
    command: Command, arguments: tuple[str, ...], env: dict[str, str], code: int, line: str
) -> None:
    done = command("report", *arguments, **env)
    assert done.returncode == code
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
