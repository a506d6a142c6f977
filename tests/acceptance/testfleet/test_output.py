"""Odd rows, encodings and lost output streams do not change the exit code."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

RUN = """
    INSERT INTO test_runs (run_id, suite, status, shards, shards_done, total, failed, p95_ms, started_at, finished_at)
    VALUES ('r1', %(text)s, 'failed', 1, 1, 1, 1, 'Infinity', now(), now());
"""
CASE = """
    INSERT INTO test_cases (run_id, day, name, shard, attempt, file, status, duration_ms, message, error, started_at,
                            finished_at)
    SELECT run_id, day, %(text)s, 1, 1, 'cart.py', 'failed', %(duration)s, %(text)s, %(text)s, 'infinity',
            '20000-01-01 00:00:00+00'
    FROM test_runs WHERE run_id = 'r1'
"""
COMMANDS = (("wait", "r1"), ("show", "r1"), ("runs",), ("wait", "r1", "--json"), ("show", "r1", "--json"))
WAIT_CODE = 1


@pytest.fixture
def record(execute: Callable[..., None]) -> Callable[..., None]:
    """Records a failed run whose texts and durations are given."""

    def put(text: str, duration: float = 1.0) -> None:
        execute(RUN, text=text)
        execute(CASE, text=text, duration=duration)

    return put


def check(arguments: tuple[str, ...], done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == (WAIT_CODE if arguments[0] == "wait" else 0), done.stderr
    assert "Traceback" not in done.stderr
    if "--json" in arguments:
        json.loads(done.stdout, parse_constant=pytest.fail)


@pytest.mark.parametrize("duration", [float("inf"), float("nan"), 1.7e308])
def test_an_odd_duration_does_not_change_the_exit_code(
    duration: float, command: Any, record: Callable[..., None]
) -> None:
    """Rows of earlier versions may contain any time of a report."""
    record("boom", duration)
    for arguments in COMMANDS:
        check(arguments, command(*arguments))


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1"},
    ],
)
def test_an_encoding_without_a_character_does_not_change_the_exit_code(
    env: dict[str, str], command: Any, record: Callable[..., None]
) -> None:
    """A Windows agent and a minimal container have such encodings."""
    record("größer … ☂ 😀 · end")
    for arguments in COMMANDS:
        check(arguments, command(*arguments, **env))
    assert " | 1 cases" in command("wait", "r1", PYTHONIOENCODING="ascii").stdout


@pytest.mark.parametrize("target", [">&-", "2>&-", ">&- 2>&-", "| true", "2>&1 | true", "> /dev/full"])
@pytest.mark.parametrize("color", ["", "1"])
def test_lost_output_does_not_change_the_exit_code(
    target: str, color: str, command_env: dict[str, str], record: Callable[..., None]
) -> None:
    """stdout is closed, its pipe has no reader, or its disk is full."""
    record("boom")
    script = f'set -o pipefail; "$0" -m testfleet wait r1 {target}'
    env = command_env | ({"FORCE_COLOR": color} if color else {})
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == WAIT_CODE, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("color", ["", "1"])
def test_no_text_of_a_case_is_a_command_of_the_ci_service(
    color: str, command: Any, record: Callable[..., None]
) -> None:
    """GitHub's runner trims a line before it searches for `::`, and finds `##[` anywhere."""
    record("::error::boo\n  ::add-mask::x\r\t::stop-commands::y ##[error]z ##vso[task.complete]")
    for arguments in COMMANDS:
        done = command(*arguments, FORCE_COLOR=color)
        check(arguments, done)
        output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert not [line for line in re.split("[\r\n]", output) if line.strip().startswith("::")]
        assert "##[" not in output
        assert "##vso[" not in output


def test_a_parameter_of_the_database_url_works_or_is_named_in_the_error(
    command: Any, command_env: dict[str, str], tmp_path: Any
) -> None:
    """`connect_timeout` works in every command. A parameter that the reporter does not support is one line."""
    (tmp_path / "a.xml").write_text('<testsuite><testcase name="a"/></testsuite>')
    url = command_env["TESTFLEET_DATABASE_URL"]
    with_timeout = f"{url}{'&' if '?' in url else '?'}connect_timeout=5&application_name=gate"
    done = command("ingest", "a.xml", "--run-id", "r2", "--suite", "s", TESTFLEET_DATABASE_URL=with_timeout)
    assert done.returncode == 0, done.stderr
    refused = command(
        "ingest", "a.xml", "--run-id", "r3", "--suite", "s", TESTFLEET_DATABASE_URL=f"{with_timeout}&keepalives=1"
    )
    assert refused.returncode == 78
    assert refused.stderr.startswith("testfleet: TESTFLEET_DATABASE_URL: its parameter keepalives is not supported; ")
    unknown = command("runs", TESTFLEET_DATABASE_URL=f"{with_timeout}&search_path=x")
    assert unknown.returncode == 78
    assert unknown.stderr == "testfleet: TESTFLEET_DATABASE_URL: search_path is no parameter of libpq\n"
