"""The command in a pipeline and on a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

RUN = """
    INSERT INTO test_runs (run_id, suite, status, shards, shards_done, total, passed, failed, started_at, finished_at)
    VALUES ('r1', 'shop', %(status)s, 2, %(done)s, 2, 1, 1, now(), CASE WHEN %(finished)s THEN now() END)
"""
CASES = """
    INSERT INTO test_cases (day, run_id, name, shard, attempt, file, status, error)
    SELECT r.day, c.* FROM test_runs AS r JOIN (VALUES
        ('r1', 'adds', 1, 1, 'cart.py', 'passed', NULL),
        ('r1', 'pays [red]', 2, 1, 'cart.py', 'failed', E'\\x1b[31mgot 500\\x1b[0m\nTraceback')
    ) AS c (run_id) USING (run_id);
    INSERT INTO artifacts (s3_uri, run_id, shard, attempt, case_name, kind, bytes, content_type)
    VALUES ('s3://qa/r1/2/1/trace.zip', 'r1', 2, 1, 'pays [red]', 'trace', 3, 'application/zip')
"""

FAILURE = """
    UPDATE test_runs SET folded = true WHERE run_id = 'r1';
    INSERT INTO run_failures (run_id, name, suite, branch, kind, first_fail_run_id, first_fail_at, runs_since,
                              finished_at)
    VALUES ('r1', 'pays [red]', 'shop', 'main', 'new', 'r1', now(), 0, now())
"""


@pytest.fixture
def record(execute: Callable[..., None]) -> Callable[[str], None]:
    """Records a run of two shards in the given status."""

    def run(status: str) -> None:
        finished = status in {"passed", "failed", "errored", "cancelled"}
        execute(RUN, status=status, finished=finished, done=2 if finished else 1)
        execute(CASES.replace("%", "%%"))

    return run


def test_enqueue_prints_only_the_run_id(command: Any, aws: Any) -> None:
    """`RUN=$(testfleet enqueue …)` is the id in the messages and in the table."""
    done = command("enqueue", "shop", "--shards", "2", "--param", "lang=de", GITHUB_ACTIONS="true", GITHUB_SHA="abc")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}\n", done.stdout)
    run_id = done.stdout.strip()
    found = aws.client("sqs").receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=10)["Messages"]
    bodies = sorted((json.loads(message["Body"]) for message in found), key=lambda body: body["shard"])
    assert bodies == [
        {
            "runId": run_id,
            "suite": "shop",
            "shard": shard,
            "commit": "abc",
            "trigger": "github",
            "params": {"lang": "de"},
        }
        for shard in ("1/2", "2/2")
    ]
    (run,) = json.loads(command("runs", "--json").stdout)
    assert (run["run_id"], run["status"], run["shards"], run["trigger"]) == (run_id, "queued", 2, "github")


def test_enqueue_prints_the_run_id_if_the_queue_is_out_of_reach(command: Any) -> None:
    """The next try needs it."""
    done = command("enqueue", "shop", "--run-id", "r9", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (69, "r9\n")
    assert done.stderr.startswith("testfleet: queue: not sent: shard 1/1: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("status", "code"), [("passed", 0), ("failed", 1), ("errored", 2), ("cancelled", 4)])
def test_a_pipeline_decides_by_the_exit_code(
    status: str, code: int, command: Any, record: Callable[[str], None]
) -> None:
    """The output has the error, the file and the trace, without colour codes."""
    record(status)
    done = command("wait", "r1")
    assert done.returncode == code
    assert done.stdout.startswith(f"r1 shop: {status} in ")
    assert "FAILED pays [red] (-)\n  got 500\n  cart.py\n  s3://qa/r1/2/1/trace.zip\n" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    read = json.loads(command("wait", "r1", "--json").stdout)
    assert (read["run"]["status"], read["cases"][0]["name"]) == (status, "pays [red]")


def test_wait_ends_with_the_sentence_that_compares_the_run_with_earlier_ones(
    command: Any, record: Callable[[str], None], execute: Callable[..., None]
) -> None:
    """A developer reads the last line. Without the summaries, everything else is the same."""
    record("failed")
    without = command("wait", "r1")
    execute(FAILURE)
    done = command("wait", "r1")
    assert (without.returncode, done.returncode) == (1, 1)
    assert "FAILED pays [red] (- · new failure)\n" in done.stdout
    assert done.stdout == without.stdout.replace("(-)", "(- · new failure)") + "1 new failure\n"
    assert json.loads(command("wait", "r1", "--json").stdout)["meaning"]["sentence"] == "1 new failure"


def test_a_run_with_too_few_cases_is_no_success(
    command: Any, record: Callable[[str], None], execute: Callable[..., None]
) -> None:
    """A suite that silently lost its tests would promote any build."""
    record("passed")
    execute("UPDATE test_runs SET expected_cases = 10")
    done = command("wait", "r1", "--min-cases", "75%")
    assert done.returncode == 5
    assert "2 of usually 10 cases" in done.stdout
    assert done.stderr.splitlines()[-1] == (
        "testfleet: --min-cases: r1 has 2 cases, 20 % of the usual 10, but must have at least 75 %"
    )
    assert command("wait", "r1", "--min-cases", "2").returncode == 0
    wrong = command("wait", "r1", "--min-cases", "most")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (64, 1)


def test_the_settings_of_the_analysis_are_changed_and_shown(command: Any) -> None:
    done = command("settings", "vcpu_hour_price=0.04656", "currency=EUR")
    assert done.returncode == 0, done.stderr
    assert "vcpu_hour_price\t0.04656\t" in done.stdout
    assert json.loads(command("settings", "--json").stdout)["currency"] == "EUR"
    wrong = command("settings", "vcpu_hour_price=cheap")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert wrong.stderr.startswith("testfleet: vcpu_hour_price: must be a number from 0 to 1000000")


def test_a_run_is_cancelled_once(command: Any, record: Callable[[str], None]) -> None:
    """`wait` then ends with 4. Cancelling again is no error."""
    record("running")
    done = command("cancel", "r1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "r1 is cancelled\n", "")
    again = command("cancel", "r1")
    assert (again.returncode, again.stdout) == (0, "r1 was cancelled already\n")
    assert command("wait", "r1").returncode == 4
    (run,) = json.loads(command("runs", "--status", "cancelled", "--json").stdout)
    assert run["run_id"] == "r1"


def test_a_finished_run_is_not_cancelled(command: Any, record: Callable[[str], None]) -> None:
    """The line has the verdict."""
    record("passed")
    done = command("cancel", "r1")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "testfleet: RUN_ID: r1 is finished already (passed); a verdict never changes\n"


def test_wait_prints_the_missing_shards_and_the_depths_of_the_queues_at_its_timeout(
    command: Any, record: Callable[[str], None]
) -> None:
    """The exit code is 3."""
    record("running")
    done = command("wait", "r1", "--timeout", "1s")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert "testfleet: r1 is not finished after 1.0 s" in lines
    assert "testfleet: never claimed: shard 1, 2" in lines
    assert "testfleet: queue: 0 waiting, 0 in flight" in lines
    assert "testfleet: dead-letter queue: 0 waiting, 0 in flight" in lines


def test_a_run_without_a_row_is_unfinished(command: Any) -> None:
    """A scheduled run has a row only after a pod has claimed it."""
    done = command("wait", "r1", "--timeout", "0s", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (3, None)
    assert "the database has no such run" in done.stderr


def test_enqueue_with_wait_prints_the_id_and_waits(command: Any) -> None:
    """The id is the first line."""
    done = command("enqueue", "shop", "--run-id", "r1", "--wait", "--timeout", "0s")
    assert done.returncode == 3
    assert done.stdout.splitlines()[0] == "r1"


def test_lists_are_tab_separated_without_a_terminal(command: Any, record: Callable[[str], None]) -> None:
    """cut and awk read them."""
    record("failed")
    header, row = (line.split("\t") for line in command("runs").stdout.splitlines())
    assert dict(zip(header, row, strict=True))["STATUS"] == "failed"
    shown = command("show", "r1")
    assert shown.returncode == 0
    assert "KIND\tSIZE\tSHARD\tATTEMPT\tURI\ntrace\t3 B\t2\t1\ts3://qa/r1/2/1/trace.zip\n" in shown.stdout


def test_an_unknown_run_cannot_be_shown(command: Any) -> None:
    """The line names the argument."""
    done = command("show", "r2")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "testfleet: RUN_ID: the database has no run r2\n"


@pytest.mark.parametrize("arguments", [["runs"], ["wait", "r1"], ["show", "r1", "--json"]], ids=" ".join)
def test_a_closed_pipe_does_not_change_the_exit_code(
    arguments: list[str], start: Any, record: Callable[[str], None]
) -> None:
    """`testfleet runs | head -1` prints no error."""
    record("passed")
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed:
        process = start(*arguments, stdout=closed, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "BrokenPipe" not in err


@contextmanager
def terminal(start: Any, *arguments: str, columns: int = 120, **env: str) -> Iterator[tuple[Any, int]]:
    """Start the command on a terminal with this number of columns, and kill it when the block ends."""
    controller, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = start(*arguments, stdin=end, stdout=end, stderr=end, TERM="xterm-256color", **env)
    os.close(end)
    try:
        yield process, controller
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def read_until(controller: int, text: str, seconds: float = 60) -> str:
    """Return the output of the terminal up to and including `text`."""
    seen, deadline = "", time.monotonic() + seconds
    while text not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([controller], [], [], 0.2)[0]:
            try:
                seen += os.read(controller, 4096).decode()
            except OSError:  # Linux raises it when the other end is closed
                break
    return seen


def test_progress_is_one_repainted_line_on_a_terminal(
    start: Any, record: Callable[[str], None], execute: Callable[..., None]
) -> None:
    """The coloured verdict replaces it. A name of a case is not parsed as markup."""
    record("running")
    with terminal(start, "wait", "r1") as (process, controller):
        assert "1 of 2 shards" in read_until(controller, "1 failed")
        execute("UPDATE test_runs SET status = 'failed', shards_done = 2, finished_at = now()")
        shown = read_until(controller, "trace.zip")
        process.wait(60)
    assert process.returncode == 1
    assert "\x1b[31m" in shown
    assert "pays [red]" in shown
    assert "\x1b[31mgot 500" not in shown


def test_a_table_too_wide_for_the_terminal_is_a_block_of_lines_per_row(
    start: Any, record: Callable[[str], None]
) -> None:
    """Columns of two characters would be unreadable."""
    record("failed")
    with terminal(start, "runs", columns=40, NO_COLOR="1") as (process, controller):
        shown = read_until(controller, "STARTED")
        process.wait(60)
    assert process.returncode == 0
    assert "RUN      \x1b[0mr1" in shown
    assert "STATUS   \x1b[0mfailed" in shown


def test_no_color_is_honoured(start: Any, record: Callable[[str], None]) -> None:
    """See no-color.org."""
    record("failed")
    with terminal(start, "runs", NO_COLOR="1") as (process, controller):
        shown = read_until(controller, "failed")
        process.wait(60)
    assert process.returncode == 0
    assert "\x1b[31m" not in shown


def test_ctrl_c_ends_the_wait(start: Any, record: Callable[[str], None]) -> None:
    """The exit code is that of a shell, and there is no traceback."""
    record("running")
    process = start("wait", "r1", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert "running" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
