"""The queue adapter against a real SQS endpoint (moto's server)."""

import socket
from typing import Any

import pytest

from worker.errors import QueueOutOfReach, QueueRefused
from worker.queue import Message, Queue

VISIBILITY = 300


@pytest.fixture
def queue(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Queue:
    _environment(monkeypatch, aws.env)
    return _queue(aws)


def _environment(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)


def _queue(aws: Any) -> Queue:
    return Queue(aws.queue_url, aws.dead_letter_queue_url, visibility_timeout=VISIBILITY, region=aws.env["AWS_REGION"])


def _send(aws: Any, body: str) -> None:
    aws.client("sqs").send_message(QueueUrl=aws.queue_url, MessageBody=body)


def _counts(aws: Any) -> tuple[int, int]:
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=list(names))
    waiting, in_flight = (int(answer["Attributes"][name]) for name in names)
    return waiting, in_flight


def _received(queue: Queue) -> Message:
    message = queue.receive(1)
    assert message is not None
    return message


def test_an_empty_queue_has_no_message(queue: Queue) -> None:
    """The poll ends after its wait time."""
    assert queue.receive(0) is None


def test_a_received_message_is_in_flight_and_counted(queue: Queue, aws: Any) -> None:
    """The receive hides the message for the worker's visibility timeout, and not for the queue's."""
    _send(aws, "hello")
    message = _received(queue)
    assert (message.body, message.receive_count) == ("hello", 1)
    assert _counts(aws) == (0, 1)
    queue.release(message, 0)
    again = _received(queue)
    assert (again.message_id, again.receive_count) == (message.message_id, 2)


def test_only_one_message_is_taken(queue: Queue, aws: Any) -> None:
    """A pod handles one message. A second one would be hidden and not handled."""
    _send(aws, "one")
    _send(aws, "two")
    _received(queue)
    assert _counts(aws) == (1, 1)


def test_an_extension_hides_a_message_that_was_about_to_become_visible(queue: Queue, aws: Any) -> None:
    """It hides the message for a whole visibility timeout from now on."""
    _send(aws, "hello")
    message = _received(queue)
    queue.release(message, 1)
    queue.extend(message)
    assert queue.receive(2) is None
    assert _counts(aws) == (0, 1)


def test_a_release_with_a_delay_makes_the_message_visible_later(queue: Queue, aws: Any) -> None:
    """The message is visible long before the visibility timeout ends."""
    _send(aws, "hello")
    queue.release(_received(queue), 2)
    assert queue.receive(0) is None
    assert queue.receive(20) is not None


def test_a_deleted_message_is_gone(queue: Queue, aws: Any) -> None:
    """A second deletion changes nothing."""
    _send(aws, "hello")
    message = _received(queue)
    queue.delete(message)
    queue.delete(message)
    assert _counts(aws) == (0, 0)


def test_a_dead_letter_has_the_unchanged_body_and_the_reason(queue: Queue, aws: Any) -> None:
    """A reader of the dead-letter queue can fix the sender and send the body again."""
    body = '{"suite":  "chekout", "mood": "\u2603"}'
    _send(aws, body)
    message = _received(queue)
    queue.dead_letter(message, reason="unknown_suite", detail="suite:\0 must be one of " + "x" * 10_000)
    (dead,) = aws.client("sqs").receive_message(QueueUrl=aws.dead_letter_queue_url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert dead["Body"] == body
    assert attributes["reason"] == "unknown_suite"
    assert attributes["detail"].startswith("suite:\ufffd must be one of xxx")
    assert len(attributes["detail"].encode()) <= 4096
    assert attributes["messageId"] == message.message_id
    assert _counts(aws) == (0, 1)


def test_a_missing_queue_is_named_by_its_setting(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry cannot succeed."""
    _environment(monkeypatch, aws.env)
    gone = Queue(aws.queue_url + "x", aws.dead_letter_queue_url + "x", visibility_timeout=1, region="eu-central-1")
    with pytest.raises(QueueRefused, match=r"^WORKER_QUEUE_URL: there is no such queue$"):
        gone.receive(0)
    message = Message("m", "body", "handle", 1)
    with pytest.raises(QueueRefused, match=r"^WORKER_DEAD_LETTER_QUEUE_URL: there is no such queue$"):
        gone.dead_letter(message, reason="x", detail="y")


def test_an_expired_receipt_handle_is_refused(queue: Queue) -> None:
    """A later call with an expired handle fails, too."""
    with pytest.raises(QueueRefused, match=r"^WORKER_QUEUE_URL: .*ReceiptHandleIsInvalid"):
        queue.release(Message("m", "body", "no-such-handle", 1), 0)


def test_an_endpoint_that_refuses_connections_is_out_of_reach(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the SDK's last retry is one line."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound and not listening: it refuses every connection
        host, port = silent.getsockname()
        _environment(monkeypatch, aws.env | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"})
        with pytest.raises(QueueOutOfReach) as caught:
            _queue(aws).delete(Message("m", "body", "handle", 1))
    assert "\n" not in str(caught.value)


def test_a_wrong_region_is_not_reported_as_a_wrong_endpoint() -> None:
    """The SDK's error for it is a ValueError, as that for a wrong endpoint."""
    with pytest.raises(QueueRefused, match=r"^AWS_\*: Provided region_name 'not a region'"):
        Queue("http://q/1", "http://q/2", visibility_timeout=VISIBILITY, region="not a region")
