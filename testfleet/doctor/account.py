"""The AWS account: queue, dead-letter queue, bucket, the nodes' metadata service and the pods' roles."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.doctor.finding import Finding, ok, unknown, wrong

LEAST_RECEIVES: Final = 5
"""Receives before SQS gives a message up. The worker's back-off is computed for this many."""

_CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
_ERRORS: Final = (BotoCoreError, ClientError)


def client(service: str) -> Any:
    """Return an SDK client; region, endpoint and credentials come from the SDK's own chain.

    Raises:
        BotoCoreError: no region is configured.
    """
    return boto3.session.Session().client(service, region_name=aws_region(), config=_CONFIG)


def _mend(error: Exception, otherwise: str) -> str:
    """Return the fix of an error: of a missing setting of the SDK, or else `otherwise`."""
    if isinstance(error, NoRegionError):
        return "export AWS_REGION=…"
    if isinstance(error, NoCredentialsError):
        return "aws configure, or export AWS_PROFILE=…"
    return otherwise


def queues(queue_url: str | None, dead_letter_queue_url: str | None) -> Iterator[Finding]:
    """Examine the queue, its dead-letter queue and the redrive policy between them."""
    attributes: dict[str, Mapping[str, str]] = {}
    for check, setting, url in (
        ("queue", "TESTFLEET_QUEUE_URL", queue_url),
        ("dead-letter queue", "TESTFLEET_DEAD_LETTER_QUEUE_URL", dead_letter_queue_url),
    ):
        if url is None:
            yield unknown(check, f"{setting} is not set", f"export {setting}=…")
            continue
        try:
            answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        except _ERRORS as error:
            yield wrong(check, one_line(error), _mend(error, f"correct {setting}, or deploy deploy/aws/queue.yaml"))
            continue
        attributes[check] = answer["Attributes"]
        yield ok(check, answer["Attributes"]["QueueArn"])
    if len(attributes) > 1:
        yield redrive(attributes["queue"], attributes["dead-letter queue"])


def redrive(queue: Mapping[str, str], dead: Mapping[str, str]) -> Finding:
    """Judge the redrive policy, from the attributes of both queues as SQS gives them."""
    check, mend = "redrive", "deploy deploy/aws/queue.yaml, or set RedrivePolicy and MessageRetentionPeriod as it does"
    if "RedrivePolicy" not in queue:
        return wrong(check, "the queue has no RedrivePolicy: a message that always fails is never dead-lettered", mend)
    policy = json.loads(queue["RedrivePolicy"])
    if policy.get("deadLetterTargetArn") != dead["QueueArn"]:
        return wrong(check, f"the queue redrives to {policy.get('deadLetterTargetArn')}, not {dead['QueueArn']}", mend)
    receives = int(policy.get("maxReceiveCount", 0))
    if receives < LEAST_RECEIVES:
        return wrong(check, f"maxReceiveCount is {receives}; needed: {LEAST_RECEIVES} or more", mend)
    kept, kept_dead = (int(each.get("MessageRetentionPeriod", 0)) for each in (queue, dead))
    if kept_dead < kept:
        return wrong(check, f"dead messages are kept {kept_dead} s; needed: {kept} s or more, as the queue has", mend)
    return ok(check, f"after {receives} receives")


def bucket(name: str | None) -> Iterator[Finding]:
    """Examine the bucket of the artifacts; its versioning only in AWS itself."""
    if name is None:
        yield unknown("bucket", "TESTFLEET_BUCKET is not set", "export TESTFLEET_BUCKET=…")
        return
    try:
        s3 = client("s3")
        s3.head_bucket(Bucket=name)
        versioning = s3.get_bucket_versioning(Bucket=name).get("Status", "off")
    except _ERRORS as error:
        mend = _mend(error, "correct TESTFLEET_BUCKET, or deploy deploy/aws/storage.yaml")
        yield wrong("bucket", f"{name}: {one_line(error)}", mend)
        return
    yield ok("bucket", name)
    if not os.environ.get("AWS_ENDPOINT_URL") and versioning != "Enabled":
        mend = f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"
        yield wrong("bucket versioning", f"{versioning}: an overwrite would lose an artifact", mend)


def metadata(instance_ids: Sequence[str]) -> Iterator[Finding]:
    """Examine the nodes' metadata service: with a hop limit over 1 a suite can take the node's role."""
    if not instance_ids:
        return
    try:
        pages = client("ec2").get_paginator("describe_instances").paginate(InstanceIds=list(instance_ids))
        options = {
            instance["InstanceId"]: instance.get("MetadataOptions", {})
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }
    except _ERRORS as error:
        yield unknown("hop limit", one_line(error), "use a role that may call ec2:DescribeInstances")
        return
    yield hop_limit(options)


def hop_limit(options: Mapping[str, Mapping[str, Any]]) -> Finding:
    """Judge the metadata options of instances, by instance id, as EC2 gives them."""
    bad = [
        f"{name}: hop limit {one.get('HttpPutResponseHopLimit')}, tokens {one.get('HttpTokens')}"
        for name, one in sorted(options.items())
        if one.get("HttpEndpoint") != "disabled"
        and (one.get("HttpPutResponseHopLimit") != 1 or one.get("HttpTokens") != "required")
    ]
    if not bad:
        return ok("hop limit", f"1 on {len(options)} nodes")
    mend = (
        f"aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 1 --http-tokens required "
        f"--instance-id {bad[0].partition(':')[0]}; set the same in the node group's launch template"
    )
    return wrong("hop limit", "; ".join(bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else ""), mend)  # noqa: PLR2004  # three examples are enough


def roles(arns: Sequence[str]) -> Iterator[Finding]:
    """Examine the roles that the pods take: each must exist."""
    for arn in sorted(set(arns)):
        name = arn.rpartition("/")[2]
        try:
            client("iam").get_role(RoleName=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchEntity":
                yield wrong("role", f"{arn} does not exist", "deploy deploy/aws/identity.yaml")
            else:
                yield unknown("role", one_line(error), "use a role that may call iam:GetRole")
        except BotoCoreError as error:
            yield unknown("role", one_line(error))
        else:
            yield ok("role", arn)
