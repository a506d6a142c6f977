"""The evaluator of policies that other tests use."""

from collections.abc import Mapping

import pytest

from tests.support.aws.policy import Call, Difference, Grant, Policy, Request, compare

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:jobs"


def policy(*statements: Mapping[str, object]) -> Policy:
    return Policy.of({"Statement": list(statements)})


def allow(action: object, resource: object = QUEUE, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("sqs:SendMessage", QUEUE, True),
        ("SQS:sendmessage", QUEUE, True),
        ("sqs:SendMessageBatch", QUEUE, False),
        ("sqs:SendMessage", QUEUE + "-dead", False),
        ("sqs:SendMessage", QUEUE.upper(), False),
    ],
)
def test_an_action_is_matched_whole_and_without_case(action: str, resource: str, *, allowed: bool) -> None:
    """Actions ignore case, resources do not, and neither matches a longer name."""
    assert policy(allow("sqs:SendMessage")).allows(Request(Call(action, resource))) is allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "allowed"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/run/1/1/junit.xml", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::bb/x", False),
        ("secret:platform-??????", "secret:platform-a1B2c3", True),
        ("secret:platform-??????", "secret:platform-two-a1B2c3", False),
        ("secret:a.b-*", "secret:aXb-1", False),
    ],
)
def test_star_and_question_mark_are_the_only_wildcards(pattern: str, resource: str, *, allowed: bool) -> None:
    """`*` crosses slashes and colons, `?` is exactly one character, a dot is a dot."""
    assert policy(allow("x:Get", pattern)).allows(Request(Call("x:Get", resource))) is allowed


def test_a_deny_wins_over_any_allow() -> None:
    """Order does not matter."""
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": QUEUE,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    both = policy(allow("sqs:SendMessage"), deny)
    call = Call("sqs:SendMessage", QUEUE)
    assert both.allows(Request(call, {"aws:SecureTransport": "true"}))
    assert not both.allows(Request(call, {"aws:SecureTransport": "false"}))
    assert both.denies(Request(call, {"aws:SecureTransport": "false"}))


def test_every_condition_must_hold_and_an_absent_key_does_not() -> None:
    """Several operators are a conjunction, several values a choice."""
    condition = {"StringEquals": {"aws:SourceAccount": ["1", "2"]}, "ArnLike": {"aws:SourceArn": "arn:rule/ours-*"}}
    guarded = policy(allow("sqs:SendMessage", Principal={"Service": "events.amazonaws.com"}, Condition=condition))

    def ask(service: str, **context: str) -> bool:
        keys = {f"aws:{name}": value for name, value in context.items()}
        return guarded.allows(Request(Call("sqs:SendMessage", QUEUE), keys, service))

    events = "events.amazonaws.com"
    assert ask(events, SourceAccount="2", SourceArn="arn:rule/ours-nightly")
    assert not ask(events, SourceAccount="3", SourceArn="arn:rule/ours-nightly")
    assert not ask(events, SourceAccount="2", SourceArn="arn:rule/theirs")
    assert not ask(events, SourceAccount="2")
    assert not ask("sns.amazonaws.com", SourceAccount="2", SourceArn="arn:rule/ours-nightly")


def test_an_unknown_condition_operator_is_an_error() -> None:
    """The evaluator must not guess a result."""
    guarded = policy(allow("x:Get", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    with pytest.raises(NotImplementedError, match="IpAddress"):
        guarded.allows(Request(Call("x:Get", "y"), {"aws:SourceIp": "10.1.1.1"}))


def test_the_comparison_names_missing_and_superfluous_rights() -> None:
    """It names them by action and resource."""
    granted = policy(allow(["sqs:SendMessage", "sqs:DeleteMessage"], [QUEUE, QUEUE + "-dead"]))
    calls = [Call("sqs:SendMessage", QUEUE), Call("sqs:DeleteMessage", QUEUE), Call("sqs:ReceiveMessage", QUEUE)]
    assert compare(granted, calls) == Difference(
        missing=frozenset({Call("sqs:ReceiveMessage", QUEUE)}),
        unused=frozenset({Grant("sqs:SendMessage", QUEUE + "-dead"), Grant("sqs:DeleteMessage", QUEUE + "-dead")}),
    )
