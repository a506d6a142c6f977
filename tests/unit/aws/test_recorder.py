"""The recorder's reading of requests, which the comparison with the roles rests on."""

import json

import pytest

from tests.support.aws.policy import Call
from tests.support.aws.recorder import meaning

OBJECT = "arn:aws:s3:::qa/r-1/1/1/video.webm"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:test-jobs"


@pytest.mark.parametrize(
    ("method", "query", "action"),
    [
        ("PUT", "", "s3:PutObject"),
        ("PUT", "?x-id=PutObject", "s3:PutObject"),
        ("POST", "?uploads", "s3:PutObject"),
        ("PUT", "?partNumber=1&uploadId=u", "s3:PutObject"),
        ("POST", "?uploadId=u", "s3:PutObject"),
        ("DELETE", "?uploadId=u", "s3:AbortMultipartUpload"),
        ("GET", "", "s3:GET?"),
        ("DELETE", "", "s3:DELETE?"),
        ("PUT", "?acl", "s3:PUT?acl"),
    ],
)
def test_a_request_to_s3_is_the_action_that_iam_asks_for(method: str, query: str, action: str) -> None:
    """What it does not know keeps a name that no policy allows, so that a new call fails the comparison."""
    assert meaning("s3", method, f"/qa/r-1/1/1/video.webm{query}", {}, b"") == Call(action, OBJECT)


@pytest.mark.parametrize(
    ("operation", "action"),
    [("SendMessage", "sqs:SendMessage"), ("SendMessageBatch", "sqs:SendMessage"), ("PurgeQueue", "sqs:PurgeQueue")],
)
def test_a_request_to_sqs_names_its_queue(operation: str, action: str) -> None:
    """A batch is allowed by the action of its single form."""
    body = json.dumps({"QueueUrl": "http://127.0.0.1:1/123456789012/test-jobs"}).encode()
    assert meaning("sqs", "POST", "/", {"x-amz-target": f"AmazonSQS.{operation}"}, body) == Call(action, QUEUE)


def test_a_request_to_any_other_service_is_allowed_to_nobody() -> None:
    """A program that begins to use one shows up at once."""
    assert meaning("sts", "POST", "/", {}, b"Action=GetCallerIdentity") == Call("sts:POST", "*")
