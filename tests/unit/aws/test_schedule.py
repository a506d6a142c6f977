"""The messages of EventBridge are valid jobs."""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from handoff.message import ParsedMessage
from tests.support.aws.policy import Call, Policy, Request
from tests.support.aws.resolve import ACCOUNT, REGION
from tests.support.aws.stacks import CREATED, deploy, properties

SUITE = {"Suite": "checkout", "TargetUrl": "https://staging.example.com/shop?lang=de&x=1", "PipelineName": "shop@v2"}

EVENT: Mapping[str, Any] = {
    "version": "0",
    "id": "01234567-0123-0123-0123-012345678901",
    "detail-type": "CodePipeline Stage Execution State Change",
    "source": "aws.codepipeline",
    "account": ACCOUNT,
    "time": "2026-01-01T02:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:shop@v2"],
    "detail": {
        "pipeline": "shop@v2",
        "version": 3.0,
        "execution-id": "0a1b2c3d-1111-2222-3333-444455556666",
        "start-time": "2026-01-01T01:58:00.000Z",
        "stage": "Deploy",
        "state": "SUCCEEDED",
        "pipeline-execution-attempt": 1.0,
    },
}
"""A stage's event. Source of the fields: "Monitoring CodePipeline events" in the guide. None of them is a commit."""


def schedule(**changes: str) -> dict[str, Any]:
    return {
        name: properties(deploy(schedule={**SUITE, **changes})["schedule"], name) for name in ("Nightly", "AfterStage")
    }


def of_schedule(target: Mapping[str, Any], execution: str) -> str:
    """Return the message of one execution with EventBridge Scheduler's context attributes replaced."""
    return str(target["Input"]).replace("<aws.scheduler.execution-id>", execution)


def of_rule(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the message for an event, as EventBridge's input transformer renders it."""
    transformer = target["InputTransformer"]

    def value(match: re.Match[str]) -> str:
        found: Any = event
        for step in transformer["InputPathsMap"][match[1]].removeprefix("$.").split("."):
            found = found[step]
        return str(found)

    return re.sub(r"<([^>]+)>", value, transformer["InputTemplate"])


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether the rule's pattern matches: each field of the pattern has one of the listed values."""
    return all(
        matches(wanted, event[field]) if isinstance(wanted, dict) else event.get(field) in wanted
        for field, wanted in pattern.items()
    )


def parsed(body: str) -> dict[str, Any]:
    message = ParsedMessage.from_body(body, message_id="never-used")
    assert message.unknown_fields == ()
    return dict(json.loads(message.job.to_json()))


def test_the_nightly_message_is_a_valid_job_named_by_its_execution() -> None:
    """The run id contains Scheduler's execution id, so a message that is delivered twice is one run."""
    body = of_schedule(schedule()["Nightly"]["Target"], "d32c5kddcf5bb8c3")
    assert parsed(body) == {
        "runId": "checkout-d32c5kddcf5bb8c3",
        "suite": "checkout",
        "shard": "1/1",
        "targetUrl": SUITE["TargetUrl"],
        "trigger": "schedule",
    }
    assert parsed(body) == parsed(of_schedule(schedule()["Nightly"]["Target"], "d32c5kddcf5bb8c3"))
    assert parsed(of_schedule(schedule()["Nightly"]["Target"], "other"))["runId"] == "checkout-other"


def test_the_message_after_a_stage_is_a_valid_job_named_by_the_pipelines_execution() -> None:
    """EventBridge may deliver an event twice. The same execution, stage and suite are the same run."""
    assert parsed(of_rule(schedule()["AfterStage"]["Targets"][0], EVENT)) == {
        "runId": "0a1b2c3d-1111-2222-3333-444455556666-Deploy-checkout",
        "suite": "checkout",
        "shard": "1/1",
        "targetUrl": SUITE["TargetUrl"],
        "trigger": "shop@v2",
    }


def test_the_longest_names_still_make_a_valid_run_id() -> None:
    """The limits of suite and stage keep the run id within 128 characters, and names within AWS's 64."""
    longest = {"Suite": "s" * 40, "StageName": "S" * 40, "RuleNamePrefix": "p" * 15}
    made = schedule(**longest)
    execution = str(uuid.UUID(int=0))
    parsed(of_schedule(made["Nightly"]["Target"], execution))
    parsed(of_rule(made["AfterStage"]["Targets"][0], EVENT))
    assert len(made["Nightly"]["Name"]) <= 64
    assert len(made["AfterStage"]["Name"]) <= 64


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"state": "FAILED"}, False),
        ({"state": "STARTED"}, False),
        ({"stage": "Source"}, False),
        ({"pipeline": "other"}, False),
    ],
)
def test_the_rule_matches_the_success_of_its_stage_only(change: Mapping[str, str], *, taken: bool) -> None:
    """It does not match a start, a failure, another stage or another pipeline."""
    event = {**EVENT, "detail": {**EVENT["detail"], **change}}
    assert matches(schedule()["AfterStage"]["EventPattern"], event) is taken


def test_the_queues_policy_accepts_the_rule() -> None:
    """The rule's name starts with the prefix of the queue stack."""
    made = deploy(schedule=SUITE)
    policy = Policy.of(properties(made["queue"], "QueuePolicy")["PolicyDocument"])
    name = properties(made["schedule"], "AfterStage")["Name"]
    context = {
        "aws:SecureTransport": "true",
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}",
    }
    call = Call("sqs:SendMessage", CREATED["queue"]["Queue.Arn"])
    assert policy.allows(Request(call, context, "events.amazonaws.com"))


def test_undeliverable_messages_go_to_the_dead_letter_queue() -> None:
    """Both targets name that queue, and its alarm notifies on-call."""
    made = schedule()
    dead = {"Arn": CREATED["queue"]["DeadLetterQueue.Arn"]}
    assert made["Nightly"]["Target"]["DeadLetterConfig"] == dead
    assert made["AfterStage"]["Targets"][0]["DeadLetterConfig"] == dead


def test_without_a_pipeline_there_is_no_rule() -> None:
    """The stack may be used for the nightly run only."""
    stack = deploy()["schedule"]
    assert "AfterStage" not in stack.resources
    assert "Nightly" in stack.resources
