"""EventBridge and Secrets Manager on moto's server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from testfleet.notices import aws as adapter
from testfleet.notices.decision import Accepted, Failed
from testfleet.notices.notice import Notice
from testfleet.notices.payloads import Message
from testfleet.notices.targets import EventBridge, Slack
from testfleet.notices.transports import send

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MESSAGE = Message(Notice(1, "id-1", "run.finished", "shop", "", {"run_id": "r1", "status": "passed"}, NOON), "passed")


@pytest.fixture
def events(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bus whose events go to the test's queue, with the SDK's environment."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    client = aws.client("events")
    client.create_event_bus(Name="fleet")
    client.put_rule(Name="all", EventBusName="fleet", EventPattern='{"source": ["testfleet"]}')
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=["QueueArn"])
    target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
    client.put_targets(Rule="all", EventBusName="fleet", Targets=[target])
    yield aws
    client.remove_targets(Rule="all", EventBusName="fleet", Ids=["queue"])
    client.delete_rule(Name="all", EventBusName="fleet")
    client.delete_event_bus(Name="fleet")


def test_an_event_reaches_the_bus(events: Any) -> None:
    assert send(EventBridge(kind="eventbridge", bus="fleet"), MESSAGE, {}, NOON) == Accepted()
    (message,) = events.client("sqs").receive_message(QueueUrl=events.queue_url)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("testfleet", "run.finished")
    assert event["detail"] == {"id": "id-1", "run_id": "r1", "status": "passed", "sentence": "passed"}


def test_an_error_of_the_bus_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox tries again."""
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    outcome = send(EventBridge(kind="eventbridge", bus="fleet"), MESSAGE, {}, NOON)
    assert isinstance(outcome, Failed)
    assert "Could not connect" in outcome.reason


@pytest.fixture
def stored(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Return a function that stores a secret and returns its id."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)

    def store(name: str, text: str) -> str:
        unique = f"{name}-{aws.bucket}"
        aws.client("secretsmanager").create_secret(Name=unique, SecretString=text)
        return unique

    return store


def test_a_secret_is_a_text_or_a_key_of_an_object(stored: Callable[[str, str], str]) -> None:
    assert adapter.secret(stored("plain", "whole")) == "whole"
    assert adapter.secret(stored("object", '{"URL": "part", "N": 1}') + "#URL") == "part"


@pytest.mark.parametrize(
    ("text", "key"), [("no json hunter2", "#URL"), ('{"A": "hunter2"}', "#URL"), ('{"URL": 1}', "#URL")]
)
def test_a_secret_that_cannot_be_used_is_a_failure_without_its_value(
    stored: Callable[[str, str], str], text: str, key: str
) -> None:
    reference = stored("wrong", text) + key
    outcome = send(Slack(kind="slack", url=f"secret:{reference}"), MESSAGE, {}, NOON)
    assert isinstance(outcome, Failed)
    assert outcome.reason.endswith("has no text 'URL'")
    assert "hunter2" not in outcome.reason


@pytest.mark.usefixtures("stored")
def test_a_missing_secret_is_named() -> None:
    outcome = send(Slack(kind="slack", url="secret:none#URL"), MESSAGE, {}, NOON)
    assert outcome == Failed("secret none: ResourceNotFoundException")
