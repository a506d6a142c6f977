"""The worker's settings: environment variables, read once, frozen."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from handoff.message import Url
from runtime.settings import PodSettings, QueueUrl

_REDELIVERY = 20
"""Seconds beyond the visibility timeout within which SQS hands out a crashed worker's message again."""


def _wait_for_redelivery(validated: dict[str, Any]) -> int:
    return int(validated["visibility_timeout"]) + _REDELIVERY


Mebibytes = Annotated[int, Field(ge=1)]


class WorkerSettings(PodSettings):
    """What the worker is told. AWS access (region, endpoint, credentials) comes through the SDK's own chain."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    queue_url: QueueUrl = Field(description="SQS queue that one message is taken from.")
    dead_letter_queue_url: QueueUrl = Field(
        description="SQS queue for messages that can never succeed, each with its reason; not the queue itself."
    )
    catalog: Path = Field(description="TOML file of the suites that a message may name; suites lie beside it.")
    base_url: Url | None = Field(default=None, description="`targetUrl` of a message that names none.")
    visibility_timeout: int = Field(
        default=120,
        ge=1,
        le=3600,
        description="Seconds that SQS hides the message from others, extended every third of it: how long a crashed "
        "worker's message is gone. At most an hour: SQS hides a message for 12 h in all, and a suite may take 11.",
    )
    receive_wait: int = Field(
        default_factory=_wait_for_redelivery,
        ge=0,
        le=7200,
        description="Seconds to wait for a message; by default the visibility timeout + 20, so that the Job made for a "
        "crashed worker's message is still there when it comes back.",
    )
    max_receives: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="The queue's maxReceiveCount. An attempt that fails at the last receive dead-letters its message "
        "with the reason out_of_receives; SQS would move it without one.",
    )
    retry_delay: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds before the second attempt, after the database, the bucket or Secrets Manager was out of "
        "reach. Each further delay is four times the one before, at most an hour; up to a quarter is added at random.",
    )
    suite_sandbox: Literal["landlock", "off"] = Field(
        default="landlock",
        description="Keeps suites from the worker's credentials and the handoff; landlock needs Linux 5.19 with it.",
    )
    stop_grace: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds between SIGTERM and SIGKILL for the suite, and again for the reporter's receipt of an "
        "interrupted one. The pod's terminationGracePeriodSeconds must be at least twice this + 40.",
    )
    receipt_timeout: int = Field(
        default=600,
        ge=1,
        le=3600,
        description="Seconds to wait for the reporter's admission, and again for its receipt, each counted from the "
        "reporter's last progress. Must be above REPORTER_DATABASE_PATIENCE and REPORTER_BUCKET_PATIENCE: the reporter "
        "then gives up first, with the reason.",
    )

    artifacts_limit: Mebibytes | None = Field(
        default=None,
        description="MiB that ARTIFACTS_DIR may hold: a suite that writes more is ended and its shard errored. Must be "
        "below the volume's sizeLimit, at which the kubelet evicts the pod; unset, nothing is measured.",
    )
    tmp_limit: Mebibytes | None = Field(
        default=None, description="Likewise for the folder of temporary files: `TMPDIR`, else `/tmp`."
    )
    handoff_limit: Mebibytes | None = Field(default=None, description="Likewise for HANDOFF_DIR.")

    @field_validator("dead_letter_queue_url")
    @classmethod
    def _check_other_queue(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("queue_url"):
            msg = "must be another queue than WORKER_QUEUE_URL"
            raise ValueError(msg)
        return value

    @field_validator("catalog")
    @classmethod
    def _check_catalog(cls, value: Path) -> Path:
        if not value.is_file():
            msg = "must be an existing file"
            raise ValueError(msg)
        return value.absolute()

    @field_validator("handoff_dir", "artifacts_dir")
    @classmethod
    def _check_folder(cls, value: Path) -> Path:
        if not value.is_dir() or not os.access(value, os.W_OK | os.X_OK):
            msg = "must be an existing, writable folder"
            raise ValueError(msg)
        return value.resolve()  # the suite has another working directory
