"""The worker's settings: environment variables, read once, frozen."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from handoff.message import Text, Url
from runtime.settings import PodSettings, QueueUrl

_REDELIVERY = 20
"""Seconds after the visibility timeout within which SQS delivers a crashed worker's message again."""


def _wait_for_redelivery(validated: dict[str, Any]) -> int:
    return int(validated["visibility_timeout"]) + _REDELIVERY


Mebibytes = Annotated[int, Field(ge=1)]


class WorkerSettings(PodSettings):
    """The settings of the worker. Region, endpoint and credentials of AWS come from the SDK's own chain."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    queue_url: QueueUrl = Field(description="SQS queue from which the worker receives one message.")
    dead_letter_queue_url: QueueUrl = Field(
        description="SQS dead-letter queue for messages that can never succeed, each with its reason."
    )
    catalog: Path = Field(
        description="TOML file of the suites that a message may name. Their folders are below the file's own."
    )
    base_url: Url | None = Field(default=None, description="`targetUrl` of a message that names none.")
    visibility_timeout: int = Field(
        default=120,
        ge=1,
        le=3600,
        description="Seconds for which SQS hides a received message, extended every third of it. A crashed worker's "
        "message stays hidden for so long. At most an hour: SQS hides one for 12 h in total, and a suite may take 11.",
    )
    receive_wait: int = Field(
        default_factory=_wait_for_redelivery,
        ge=0,
        le=7200,
        description="Seconds to wait for a message. The default is the visibility timeout + 20, so that the Job made "
        "for a crashed worker's message can still receive it.",
    )
    max_receives: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="The queue's maxReceiveCount. The worker dead-letters a message that fails at its last receive, "
        "with the reason out_of_receives. SQS would move it without a reason.",
    )
    retry_delay: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds before the second attempt, if the database, the bucket or Secrets Manager was out of "
        "reach. Each further delay is four times as long, at most an hour. Up to a quarter is added at random.",
    )
    suite_sandbox: Literal["landlock", "off"] = Field(
        default="landlock",
        description="Keeps suites from the worker's credentials and the handoff. landlock needs Linux 5.19 or newer.",
    )
    stop_grace: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds between SIGTERM and SIGKILL for the suite, and again the wait for the receipt of an "
        "interrupted suite. The pod's terminationGracePeriodSeconds must be at least twice this + 40.",
    )
    receipt_timeout: int = Field(
        default=600,
        ge=1,
        le=3600,
        description="Seconds to wait for the reporter's admission, and again for its receipt, each counted from its "
        "last progress. Must be above REPORTER_DATABASE_PATIENCE and REPORTER_BUCKET_PATIENCE, so that the reporter "
        "gives up first and writes the reason.",
    )

    image: Text | None = Field(
        default=None,
        description="Image of the worker's container as the manifest names it, with its digest. Recorded with the run.",
    )
    cpu_millis: int | None = Field(
        default=None,
        ge=0,
        le=10_000_000,
        description="CPU that the container requests, in thousandths of a core. With REPORTER_CPU_MILLIS, it is the "
        "base of a run's cost.",
    )
    memory_mib: int | None = Field(
        default=None,
        ge=0,
        le=10_000_000,
        description="Memory that the container requests, in MiB, for the same purpose.",
    )
    artifacts_limit: Mebibytes | None = Field(
        default=None,
        description="Maximum MiB in ARTIFACTS_DIR. A suite that writes more is stopped and its shard errored. Must be "
        "below the volume's sizeLimit, at which the kubelet evicts the pod. Unset means no limit.",
    )
    tmp_limit: Mebibytes | None = Field(
        default=None,
        description="Maximum MiB in the folder of temporary files (`TMPDIR`, else `/tmp`), with the same effect.",
    )
    handoff_limit: Mebibytes | None = Field(
        default=None, description="Maximum MiB in HANDOFF_DIR, with the same effect."
    )

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
        return value.resolve()  # the suite runs in another working directory
