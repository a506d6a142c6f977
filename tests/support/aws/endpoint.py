"""The AWS endpoint of a test."""

from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True)
class Aws:
    """An AWS endpoint with a queue, its dead-letter queue and a bucket. Each test has its own."""

    endpoint: str
    env: dict[str, str]
    queue_url: str
    dead_letter_queue_url: str
    bucket: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.env["AWS_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )
