"""The doctor's findings about an AWS account."""

import json
import os

import pytest

from testfleet.doctor.account import bucket, hop_limit, queues, redrive

QUEUE = {
    "QueueArn": "arn:queue",
    "MessageRetentionPeriod": "345600",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:dead", "maxReceiveCount": "5"}),
}
DEAD = {"QueueArn": "arn:dead", "MessageRetentionPeriod": "1209600"}
SAFE = {"HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1, "HttpTokens": "required"}


def test_the_redrive_policy_of_the_stack_is_ok() -> None:
    assert redrive(QUEUE, DEAD).status == "ok"


@pytest.mark.parametrize(
    ("queue", "dead", "detail"),
    [
        (
            {"RedrivePolicy": None},
            {},
            "the queue has no RedrivePolicy: a message that always fails is never dead-lettered",
        ),
        ({}, {"QueueArn": "arn:other"}, "the queue redrives to arn:dead, not arn:other"),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 1})},
            {},
            "maxReceiveCount is 1; needed: 5 or more",
        ),
        (
            {},
            {"MessageRetentionPeriod": "60"},
            "dead messages are kept 60 s; needed: 345600 s or more, as the queue has",
        ),
    ],
)
def test_a_wrong_redrive_policy_is_named(queue: dict[str, str | None], dead: dict[str, str], detail: str) -> None:
    merged = {name: value for name, value in (QUEUE | queue).items() if value is not None}
    finding = redrive(merged, DEAD | dead)
    assert (finding.status, finding.detail) == ("wrong", detail)
    assert finding.mend


def test_nodes_that_hide_their_role_are_ok() -> None:
    assert hop_limit({"i-1": SAFE, "i-2": {"HttpEndpoint": "disabled"}}).status == "ok"


@pytest.mark.parametrize("change", [{"HttpPutResponseHopLimit": 2}, {"HttpTokens": "optional"}])
def test_a_node_whose_role_a_pod_can_take_is_named(change: dict[str, object]) -> None:
    finding = hop_limit({"i-1": SAFE, "i-2": SAFE | change})
    assert finding.status == "wrong"
    assert finding.detail.startswith("i-2: hop limit")
    assert "--instance-id i-2" in finding.mend


def test_a_missing_region_or_credential_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding does not blame a correct queue URL or bucket name."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    without_region, _ = queues("http://127.0.0.1:1/q", None)
    assert without_region.mend == "export AWS_REGION=…"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    (without_credentials,) = bucket("b")
    assert without_credentials.mend == "aws configure, or export AWS_PROFILE=…"
