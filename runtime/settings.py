"""Settings that worker and reporter share, and how all programs load and validate theirs."""

import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import InvalidInput, first_problem


def aws_region() -> str | None:
    """Return AWS_REGION. boto3 itself reads only AWS_DEFAULT_REGION and its configuration files."""
    return os.environ.get("AWS_REGION")


def _check_queue_url(value: str) -> str:
    try:
        url = urlsplit(value)
        good = url.scheme in {"http", "https"} and bool(url.hostname) and len(url.path) > 1 and url.port != 0
    except ValueError:  # the port is not a number
        good = False
    if not good:
        msg = "must be the http:// or https:// URL of a queue"
        raise ValueError(msg)
    return value


QueueUrl = Annotated[str, AfterValidator(_check_queue_url)]


class PodSettings(BaseSettings):
    """Settings that worker and reporter share. Each field is the environment variable of the same name."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, case_sensitive=False, extra="ignore")

    config_dir: Path = Field(
        default=Path("/config"),
        validation_alias="CONFIG_DIR",
        description="Folder of files named like settings, each with the value. The environment takes precedence.",
    )
    handoff_dir: Path = Field(
        default=Path("/handoff"),
        validation_alias="HANDOFF_DIR",
        description="Folder of the six files between worker and reporter.",
    )
    artifacts_dir: Path = Field(
        default=Path("/artifacts"),
        validation_alias="ARTIFACTS_DIR",
        description="Folder in which a suite leaves its JUnit, traces and videos.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="LOG_LEVEL", description="Least important event that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        default="json",
        validation_alias="LOG_FORMAT",
        description="JSON lines for machines or coloured lines for people.",
    )


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S]) -> S:
    """Read each setting from the environment, or else from the folder `CONFIG_DIR`, if that exists.

    Raises:
        InvalidInput: a setting is missing or wrong. The error names the environment variable and what is allowed.
    """
    folder = Path(os.environ.get("CONFIG_DIR") or PodSettings.model_fields["config_dir"].default)
    try:
        return kind(_secrets_dir=folder if folder.is_dir() else None)
    except ValidationError as error:
        problem = first_problem(error)
        raise InvalidInput(_variable(kind, problem.field), problem.allowed) from error


def _variable(kind: type[BaseSettings], place: str) -> str:
    """Return the environment variable of a field that pydantic reports by its alias or its name."""
    field = kind.model_fields.get(place)
    if field is None:
        return place.upper()
    alias = field.validation_alias
    return alias if isinstance(alias, str) else f"{kind.model_config.get('env_prefix', '')}{place}".upper()
