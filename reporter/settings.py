"""The reporter's settings: environment variables, read once, frozen."""

import re
import ssl
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from reporter.results import database_url
from runtime.settings import PodSettings

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class ReporterSettings(PodSettings):
    """The settings of the reporter. Region, endpoint and credentials of AWS come from the SDK's own chain."""

    model_config = SettingsConfigDict(env_prefix="REPORTER_")

    database_auth: Literal["password", "iam"] = Field(
        default="password",
        description="How the reporter logs in to PostgreSQL: by the URL's password, or by an RDS token "
        "signed for each new connection.",
    )
    database_url: SecretStr = Field(
        description="postgresql:// URL of the results. A secret if it holds a password. For iam, it must hold none."
    )
    database_ca: Path = Field(
        default=Path("/etc/ssl/certs/rds-global-bundle.pem"),
        validate_default=True,
        description="For iam: PEM file of the authorities that may sign the server's certificate: the RDS bundle, "
        "for RDS Proxy with Amazon's roots appended.",
    )
    cpu_millis: int | None = Field(
        default=None,
        ge=0,
        le=10_000_000,
        description="CPU that the reporter's container requests, in thousandths of a core.",
    )
    memory_mib: int | None = Field(
        default=None, ge=0, le=10_000_000, description="Memory that the reporter's container requests, in MiB."
    )
    bucket: str = Field(description="S3 bucket for the files of all runs.")
    lease: int = Field(
        default=120,
        ge=1,
        le=43200,
        description="Seconds that a lease lasts without renewal. It is renewed every third of it. At most the worker's "
        "visibility timeout, so that a redelivery can claim the shard of a dead pod.",
    )
    database_patience: int = Field(
        default=300,
        ge=1,
        le=43200,
        description="Seconds for which a step is retried while the database is out of reach (a failover).",
    )
    bucket_patience: int = Field(
        default=300,
        ge=1,
        le=43200,
        description="Seconds for which an upload is retried while the bucket is out of reach.",
    )

    @field_validator("database_url")
    @classmethod
    def _check_url(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        try:
            url = urlsplit(value.get_secret_value())
            good = url.scheme in {"postgresql", "postgres"} and url.port != 0
        except ValueError:
            good = False
        if not good:
            msg = "must be a postgresql://user@host:port/database URL"
            raise ValueError(msg)
        database_url.read(value.get_secret_value())
        if info.data.get("database_auth") == "iam":
            if url.password or "password" in parse_qs(url.query):
                msg = "must hold no password if REPORTER_DATABASE_AUTH is iam"
                raise ValueError(msg)
            if not url.username or not url.hostname:
                msg = "must name a user and a host if REPORTER_DATABASE_AUTH is iam"
                raise ValueError(msg)
        return value

    @field_validator("database_ca")
    @classmethod
    def _check_ca(cls, value: Path, info: ValidationInfo) -> Path:
        if info.data.get("database_auth") == "iam":
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:  # includes SSLError
                msg = "must be a readable PEM file of certificates if REPORTER_DATABASE_AUTH is iam"
                raise ValueError(msg) from error
        return value

    @field_validator("bucket")
    @classmethod
    def _check_bucket(cls, value: str) -> str:
        if not _BUCKET.fullmatch(value):
            msg = "must be a bucket's name: 3 to 63 characters of a-z 0-9 . -"
            raise ValueError(msg)
        return value

    @field_validator("handoff_dir", "artifacts_dir")
    @classmethod
    def _check_folder(cls, value: Path) -> Path:
        if not value.is_dir():
            msg = "must be an existing folder"
            raise ValueError(msg)
        return value.resolve()  # the folder itself may be a link; links within it are not followed
