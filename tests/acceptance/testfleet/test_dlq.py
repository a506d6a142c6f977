"""`testfleet dlq` and `testfleet sweep` as a person and as a CronJob call them."""

import json
import subprocess
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
    """As columns, as JSON, and whole."""
    moved = put("r1")
    put("r2", reason="unknown_suite", detail="suite: must be one of checkout")
    header, first, second = (line.split("\t") for line in command("dlq", "list").stdout.splitlines())
    assert dict(zip(header, first, strict=True))["REASON"] == "received_too_often"
    assert dict(zip(header, second, strict=True))["DETAIL"] == "suite: must be one of checkout"
    listed = json.loads(command("dlq", "list", "--json", TESTFLEET_DATABASE_URL="").stdout)
    assert [(one["run_id"], one["reason"]) for one in listed] == [("r1", "received_too_often"), ("r2", "unknown_suite")]
    shown = command("dlq", "show", moved)
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, '  {"runId": "r1", "suite": "shop"}')


def test_a_redrive_leaves_out_what_has_its_verdict(
    command: Any, put: Callable[..., str], aws: Any, execute: Callable[..., None]
) -> None:
    """`--all` sends what can still run; a message that is named itself is refused."""
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


def test_a_drop_needs_a_yes(command: Any, put: Callable[..., str], aws: Any) -> None:
    """No pipeline deletes by a slip."""
    message_id = put("r1")
    done = command("dlq", "drop", message_id)
    assert (done.returncode, done.stderr) == (64, "testfleet: --yes: is required without a terminal\n")
    assert depth(aws, aws.dead_letter_queue_url) == "1"
    done = command("dlq", "drop", message_id, "--yes")
    assert (done.returncode, done.stdout) == (0, f"{message_id} deleted\n")
    assert depth(aws, aws.dead_letter_queue_url) == "0"


def test_a_swept_run_ends_the_wait(command: Any, execute: Callable[..., None]) -> None:
    """Its gate ends with 2 and the reason; the CronJob's log has the run and its metrics."""
    execute(
        "INSERT INTO test_runs (run_id, suite, status, shards, queued_at) "
        "VALUES ('r1', 'shop', 'queued', 1, now() - interval '1 h')"
    )
    done: subprocess.CompletedProcess[str] = command("sweep", "--pause", "0s")
    told, metrics = done.stdout.splitlines()
    assert told == "r1 errored: abandoned: it was never claimed; its message is gone from the queue"
    assert json.loads(metrics)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "testfleet"
    waited = command("wait", "r1")
    assert waited.returncode == 2
    assert "abandoned: it was never claimed" in waited.stdout
    assert command("sweep", "--json").stdout == "[]\n"
