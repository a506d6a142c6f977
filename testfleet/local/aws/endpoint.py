"""The embedded endpoint with a queue, its dead-letter queue, a bucket and secrets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from testfleet.local.processes import OnDeath, ignore_death, server

REGION = "eu-central-1"
BUCKET = "qa-artifacts"
MAX_RECEIVES = 5
"""Receives after which SQS moves a message to the dead-letter queue."""

_MOTO = {
    # Without it, moto reads a bucket's name from the first label of a host name such as that of a Kubernetes Service.
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "1",
    "MOTO_DISABLE_GLOBAL_CORS": "true",  # moto's default answers scripts of every web page
}


@dataclass(frozen=True, slots=True)
class AwsEndpoint:
    """A running endpoint. Its queues, objects and secrets are in memory and end with it."""

    url: str
    queue_url: str
    dead_letter_queue_url: str
    bucket: str
    sqs: Any
    """An SDK client of the queues."""

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that make an AWS SDK use this endpoint."""
        return _env(self.url)

    def client(self, service: str) -> Any:
        """Return an SDK client of this endpoint."""
        return _client(self.url, service)

    def depth(self, queue_url: str) -> tuple[int, int]:
        """Return how many messages of the queue wait and how many are in flight. moto's counts are exact."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


@contextmanager
def endpoint(
    *,
    port: int,
    visibility_timeout: int,
    secrets: Mapping[str, Mapping[str, str]],
    host: str = "127.0.0.1",
    names: Sequence[str] = (),
    on_death: OnDeath = ignore_death,
) -> Iterator[AwsEndpoint]:
    """Run an endpoint while the block lasts. It listens on the address `host`; port 0 takes a free one.

    Its guard rejects a request whose `Host` header is neither a local name nor one of `names`. `on_death` is as in
    `server`.

    Raises:
        Unavailable: the endpoint did not start, for example because another program uses the port.
    """
    arguments = ["--host", host, "--port", str(port), *(f"--name={name}" for name in names)]
    with server("AWS endpoint", "testfleet.local.aws.moto_server", *arguments, env=_MOTO, on_death=on_death) as url:
        sqs, s3, secretsmanager = (_client(url, service) for service in ("sqs", "s3", "secretsmanager"))
        dead = sqs.create_queue(QueueName="test-jobs-dead")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
        redrive = {"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": str(MAX_RECEIVES)}
        queue = sqs.create_queue(
            QueueName="test-jobs",
            Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": str(visibility_timeout)},
        )["QueueUrl"]
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, values in secrets.items():
            secretsmanager.create_secret(Name=name, SecretString=json.dumps(dict(values)))
        yield AwsEndpoint(url, queue, dead, BUCKET, sqs)


def _env(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def _client(url: str, service: str) -> Any:
    return boto3.session.Session().client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106  # moto accepts any key
    )
