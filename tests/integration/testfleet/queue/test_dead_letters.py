"""The dead-letter queue: read without loss, redriven at least once, deleted only by command."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from testfleet.database.connection import Database
from testfleet.errors import Refused, Unavailable
from testfleet.queue import dead_letters
from testfleet.queue.dead_letters import DeadLetters, Selection
from testfleet.queue.sqs import Message, Queue

Put = Callable[..., str]


@pytest.fixture
def put(aws_env: Any) -> Put:
    """Puts a message on the dead-letter queue and returns its id; with a reason, as the worker does."""
    sqs = aws_env.client("sqs")

    def send(body: str, **attributes: str) -> str:
        given = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        answer = sqs.send_message(QueueUrl=aws_env.dead_letter_queue_url, MessageBody=body, MessageAttributes=given)
        return str(answer["MessageId"])

    return send


def body(run_id: str | None, shard: str = "1/1") -> str:
    fields = {"runId": run_id, "suite": "shop", "shard": shard}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def opened(aws: Any, database: Database | None = None) -> DeadLetters:
    return DeadLetters(Queue(aws.dead_letter_queue_url), database)


def visible(aws: Any, url: str) -> list[str]:
    """The bodies that a receiver would get."""
    sqs = aws.client("sqs")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    return sorted(one["Body"] for one in found)


def test_a_message_that_sqs_moved_is_described_by_what_the_database_knows(
    filled: Database, aws_env: Any, put: Put
) -> None:
    """The message has no reason. Attempts and the last exit code come from the database."""
    with filled.connect() as connection:
        connection.rows(
            "UPDATE test_shards SET exit_code = 137, attempt = 5 WHERE run_id = 'live' AND shard = 2 RETURNING 1"
        )
    message_id = put(body("live", "2/2"))
    with opened(aws_env, filled) as queue:
        (letter,) = queue.read()
    assert (letter.message_id, letter.reason, letter.detail) == (message_id, "received_too_often", None)
    assert (letter.run_id, letter.suite, letter.shard, letter.receives) == ("live", "shop", "2/2", 1)
    assert (letter.run_status, letter.shard_status, letter.attempts, letter.exit_code) == ("running", "running", 5, 137)
    assert not letter.run_is_finished


def test_a_rejected_message_shows_the_workers_reason(aws_env: Any, put: Put) -> None:
    """A readable body and a database are not required."""
    put("[]", reason="invalid_message", detail="body: must be a JSON object", messageId="m-1")
    with opened(aws_env) as queue:
        (letter,) = queue.read()
    assert (letter.reason, letter.detail) == ("invalid_message", "body: must be a JSON object")
    assert (letter.run_id, letter.run_status) == (None, None)


def test_a_message_from_eventbridge_shows_its_error(aws_env: Any, put: Put) -> None:
    """EventBridge dead-letters an event that it could not deliver."""
    put(body("r-1"), ERROR_CODE="SDK_CLIENT_ERROR", ERROR_MESSAGE="no permission")
    with opened(aws_env) as queue:
        (letter,) = queue.read()
    assert (letter.reason, letter.detail) == ("SDK_CLIENT_ERROR", "no permission")


def test_reading_releases_every_message(aws_env: Any, put: Put) -> None:
    """23 messages need three receives. Each is listed once, the oldest first."""
    sent = [put(body(f"r-{number}")) for number in range(23)]
    for _ in range(2):
        with opened(aws_env) as queue:
            assert [one.message_id for one in queue.read()] == sent
    assert len(visible(aws_env, aws_env.dead_letter_queue_url)) == 10


def test_no_more_messages_are_read_than_the_limit(aws_env: Any, put: Put) -> None:
    """A message that is not shown is not hidden."""
    for number in range(15):
        put(body(f"r-{number}"))
    with opened(aws_env) as queue:
        assert len(queue.read(12)) == 12


def test_a_redriven_message_is_sent_before_it_is_deleted(aws_env: Any, put: Put) -> None:
    """The new message has the original body and no reason."""
    put(body("r-1"), reason="unknown_suite", detail="x")
    put(body("r-2"))
    with opened(aws_env) as queue:
        for letter in queue.find(Selection(run_id="r-1")):
            queue.redrive(letter, Queue(aws_env.queue_url))
    assert visible(aws_env, aws_env.queue_url) == [body("r-1")]
    assert visible(aws_env, aws_env.dead_letter_queue_url) == [body("r-2")]


def test_a_message_that_cannot_be_sent_stays_in_the_dead_letter_queue(
    aws_env: Any, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is visible again."""
    put(body("r-1"))
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        target = Queue(aws_env.queue_url)
    with opened(aws_env) as queue, pytest.raises(Unavailable):
        queue.redrive(queue.read()[0], target)
    assert visible(aws_env, aws_env.dead_letter_queue_url) == [body("r-1")]


def test_a_body_without_run_id_gets_the_run_id_of_its_first_delivery() -> None:
    """The worker derives the run id from the message id, and the new message has another one."""
    moved = Message("m-1", body(None), {}, 6, datetime.now(UTC), "h")
    assert json.loads(dead_letters.redriven_body(moved))["runId"] == "m-1"
    rejected = replace(moved, attributes={"messageId": "m-0"})
    assert json.loads(dead_letters.redriven_body(rejected))["runId"] == "m-0"
    for text in (body("r-1"), "[]", "no json"):
        assert dead_letters.redriven_body(replace(moved, body=text)) == text


@pytest.mark.parametrize("given", [{}, {"message_id": "m", "all": True}, {"message_id": "m", "run_id": "r"}])
def test_exactly_one_selection_must_be_given(given: dict[str, Any]) -> None:
    """A mistyped command must not delete every message."""
    with pytest.raises(Refused, match=r"^MESSAGE_ID: give exactly one of"):
        Selection(**given)


def test_a_missing_message_is_refused(aws_env: Any, put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error is no success. An empty queue is one for --all."""
    with opened(aws_env) as queue:
        assert queue.find(Selection(all=True)) == []
    assert capsys.readouterr().err == "testfleet: --all: no message in the dead-letter queue\n"
    put(body("r-1"))
    for selection, line in (
        (Selection(message_id="m-9"), r"^MESSAGE_ID: no message m-9 in the dead-letter queue$"),
        (Selection(run_id="r-9"), r"^--run: no message of run r-9 in the dead-letter queue$"),
    ):
        with opened(aws_env) as queue, pytest.raises(Refused, match=line):
            queue.find(selection)


def test_the_error_for_a_missing_message_counts_the_hidden_messages(aws_env: Any, put: Put) -> None:
    """Another command may hide the message that the user looks for."""
    put(body("r-1"))
    aws_env.client("sqs").receive_message(QueueUrl=aws_env.dead_letter_queue_url, VisibilityTimeout=60)
    with opened(aws_env) as queue, pytest.raises(Refused, match=r"; about 1 hidden now, each for at most 60 s after"):
        queue.find(Selection(run_id="r-1"))
