"""The settings of the command: variables `TESTFLEET_…`. A command requires only those that it uses."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime import settings as environment
from runtime.errors import InvalidInput
from runtime.settings import QueueUrl
from testfleet.errors import BadSetting

PREFIX = "TESTFLEET_"


def _check_database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        msg = "must be a postgresql:// URL"  # never the value: it may hold a password
        raise ValueError(msg)
    return value


def _check_run_url(value: str) -> str:
    if not value.startswith(("https://", "http://")) or "{run_id}" not in value:
        msg = "must be an http(s):// URL with {run_id} in place of the run's id"
        raise ValueError(msg)
    return value


class Settings(BaseSettings):
    """Settings of the command. The AWS SDK reads its own (`AWS_REGION`, `AWS_PROFILE`, …)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: Annotated[str, AfterValidator(_check_database_url)] | None = Field(
        default=None, description="PostgreSQL that holds the results: a postgresql:// URL, with libpq's parameters."
    )
    database_auth: Literal["password", "iam"] = Field(
        default="password",
        description="iam signs an RDS token for each connection and verifies TLS (verify-full); no password exists.",
    )
    queue_url: QueueUrl | None = Field(default=None, description="SQS queue that jobs are sent to.")
    dead_letter_queue_url: QueueUrl | None = Field(
        default=None, description="SQS dead-letter queue; `wait` prints its depth when a run does not finish."
    )
    bucket: str | None = Field(default=None, description="S3 bucket that `ingest` puts the reports into.")
    run_url: Annotated[str, AfterValidator(_check_run_url)] | None = Field(
        default=None,
        description="Address of a run's page, with `{run_id}` in place of its id. Reports link to it.",
    )
    notices: str | None = Field(
        default=None, description="TOML file of the targets that `sweep` sends notices to (docs/notices.md)."
    )


def load() -> Settings:
    """Read the settings.

    Raises:
        BadSetting: a setting is wrong; the error names the environment variable and the allowed values.
    """
    try:
        return environment.load(Settings)
    except InvalidInput as error:
        raise BadSetting(str(error)) from error


def required(value: str | None, name: str) -> str:
    """Return the value of a setting that the command requires.

    Raises:
        BadSetting: the setting is not set; the error names the environment variable.
    """
    if value is None:
        raise BadSetting(f"{PREFIX}{name.upper()}: is required by this command")
    return value
