"""`testfleet dlq` and `testfleet sweep` as processes."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def put(aws: Any) -> Callable[..., str]:
    """Puts a message on the dead-letter queue, and returns its id."""

    def send(run_id: str, **attributes: str) -> str:
        answer = aws.client("sqs").send_message(
            QueueUrl=aws.dead_letter_queue_url,
            MessageBody=json.dumps({"runId": run_id, "suite": "shop"}),
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )
        return str(answer["MessageId"])

    return send


def depth(aws: Any, url: str) -> str:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return str(attributes["ApproximateNumberOfMessages"])


def test_dead_messages_are_listed_and_shown_with_their_reasons(command: Any, put: Callable[..., str]) -> None:
    """Lists are columns or JSON. `show` prints the whole message."""
    moved = put("r1")
    put("r2", reason="unknown_suite", detail="suite: must be one of checkout")
    header, first, second = (line.split("\t") for line in command("dlq", "list").stdout.splitlines())
    assert dict(zip(header, first, strict=True))["REASON"] == "received_too_often"
    assert dict(zip(header, second, strict=True))["DETAIL"] == "suite: must be one of checkout"
    listed = json.loads(command("dlq", "list", "--json", TESTFLEET_DATABASE_URL="").stdout)
    assert [(one["run_id"], one["reason"]) for one in listed] == [("r1", "received_too_often"), ("r2", "unknown_suite")]
    shown = command("dlq", "show", moved)
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, '  {"runId": "r1", "suite": "shop"}')


def test_a_message_of_a_finished_run_is_not_redriven(
    command: Any, put: Callable[..., str], aws: Any, execute: Callable[..., None]
) -> None:
    """`--all` sends the others. A single such message is refused."""
    execute(
        "INSERT INTO test_runs (run_id, suite, status, shards, finished_at) VALUES ('r1', 'shop', 'failed', 1, now())"
    )
    ended, open_ = put("r1"), put("r2")
    done = command("dlq", "redrive", "--all")
    assert (done.returncode, done.stdout) == (0, f"{open_} sent to the queue\n")
    assert done.stderr == f"testfleet: {ended} is not sent: run r1 is failed already\n"
    assert (depth(aws, aws.queue_url), depth(aws, aws.dead_letter_queue_url)) == ("1", "1")
    refused = command("dlq", "redrive", ended)
    assert refused.returncode == 64
    assert refused.stderr.splitlines()[-1].startswith("testfleet: MESSAGE_ID: a finished run does not run again")
    missing = command("dlq", "redrive", "--run", "r9")
    assert (missing.returncode, missing.stderr.count("\n")) == (64, 1)


def test_drop_needs_a_confirmation(command: Any, put: Callable[..., str], aws: Any) -> None:
    """Without a terminal, only `--yes` confirms."""
    message_id = put("r1")
    done = command("dlq", "drop", message_id)
    assert (done.returncode, done.stderr) == (64, "testfleet: --yes: is required without a terminal\n")
    assert depth(aws, aws.dead_letter_queue_url) == "1"
    done = command("dlq", "drop", message_id, "--yes")
    assert (done.returncode, done.stdout) == (0, f"{message_id} deleted\n")
    assert depth(aws, aws.dead_letter_queue_url) == "0"


@pytest.mark.parametrize("line", ["redrive --all", "drop --all --yes"])
def test_a_closed_pipe_stops_no_dlq_command(
    line: str, command_env: dict[str, str], put: Callable[..., str], aws: Any
) -> None:
    """`| head` ends early. The remaining messages are still sent or deleted."""
    put("r1")
    put("r2")
    script = f'set -o pipefail; "$0" -m testfleet dlq {line} | true'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], env=command_env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert depth(aws, aws.dead_letter_queue_url) == "0"


def test_wait_ends_with_2_for_a_swept_run(command: Any, execute: Callable[..., None]) -> None:
    """`wait` prints the reason. `sweep` prints the run and its line of metrics."""
    execute(
        "INSERT INTO test_runs (run_id, suite, status, shards, queued_at) "
        "VALUES ('r1', 'shop', 'queued', 1, now() - interval '1 h')"
    )
    done: subprocess.CompletedProcess[str] = command("sweep", "--pause", "0s")
    run, metrics = done.stdout.splitlines()
    assert run == "r1 errored: abandoned: it was never claimed; its message is gone from the queue"
    assert json.loads(metrics)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "testfleet"
    waited = command("wait", "r1")
    assert waited.returncode == 2
    assert "abandoned: it was never claimed" in waited.stdout
    assert command("sweep", "--json").stdout == "[]\n"
