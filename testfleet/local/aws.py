"""The embedded AWS endpoint: moto's server over HTTP, with a queue, its dead-letter queue, a bucket and secrets."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Self

import boto3
from moto.server import ThreadedMotoServer

HOST = "127.0.0.1"
REGION = "eu-central-1"
MAX_RECEIVES = 5
"""After so many receives SQS moves a message to the dead-letter queue."""


class AwsEndpoint:
    """A running endpoint. Nothing of it survives its end; the database is what remembers."""

    def __init__(self, *, port: int = 0, visibility_timeout: int, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._server = ThreadedMotoServer(ip_address=HOST, port=port, verbose=False)
        self._visibility_timeout = visibility_timeout
        self._secrets = secrets
        self.bucket = "qa-artifacts"
        self.queue_url = ""
        self.dead_letter_queue_url = ""

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request is no news
        self._server.start()
        sqs, s3, secretsmanager = (self.client(name) for name in ("sqs", "s3", "secretsmanager"))
        self._sqs = sqs
        self.dead_letter_queue_url = sqs.create_queue(QueueName="test-jobs-dead")["QueueUrl"]
        dead = sqs.get_queue_attributes(QueueUrl=self.dead_letter_queue_url, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": dead["Attributes"]["QueueArn"], "maxReceiveCount": str(MAX_RECEIVES)}
        self.queue_url = sqs.create_queue(
            QueueName="test-jobs",
            Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": str(self._visibility_timeout)},
        )["QueueUrl"]
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, values in self._secrets.items():
            secretsmanager.create_secret(Name=name, SecretString=json.dumps(dict(values)))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def env(self) -> dict[str, str]:
        """What any AWS SDK must find in its environment to use this endpoint and no other."""
        host, port = self._server.get_host_and_port()
        return {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def client(self, service: str) -> Any:
        """An SDK client of this endpoint."""
        return boto3.session.Session().client(
            service,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )

    def depth(self, queue_url: str) -> tuple[int, int]:
        """How many messages wait in the queue and how many are in flight; moto's counts are exact."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])
