"""The targets of notices: a TOML file, which `TESTFLEET_NOTICES` names.

[targets.deploys]
kind = "webhook"
url = "https://hooks.example.com/testfleet"
secret = "env:DEPLOYS_SECRET"               # or "secret:ID#KEY" of Secrets Manager
events = ["run.finished"]
suites = ["checkout", "shop-*"]
"""

import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from runtime.errors import first_problem
from testfleet.errors import BadSetting
from testfleet.notices.notice import KINDS, Notice
from testfleet.web import check_address

SETTING = "TESTFLEET_NOTICES"

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|secret:[^#\s]+(?:#\S+)?")


def is_reference(value: str) -> bool:
    """Return whether the value names a place of a secret: `env:NAME`, `secret:ID` or `secret:ID#KEY`."""
    return bool(_REFERENCE.fullmatch(value))


def _check_reference(value: str) -> str:
    if not is_reference(value):
        raise ValueError("must be env:NAME, secret:ID or secret:ID#KEY: no secret stands in this file")
    return value


def _check_url(value: str) -> str:
    return value if is_reference(value) else check_address(value)


Reference = Annotated[str, AfterValidator(_check_reference)]
Url = Annotated[str, AfterValidator(_check_url)]


class _Filtered(BaseModel):
    """Fields of every target. An empty list of a filter matches everything; `*` stands for any characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[str, ...] = ("*",)
    suites: tuple[str, ...] = ("*",)
    branches: tuple[str, ...] = ("*",)
    statuses: tuple[Literal["passed", "failed", "errored"], ...] = ("passed", "failed", "errored")
    """Statuses of `run.finished`."""

    @field_validator("events")
    @classmethod
    def _check_events(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not any(fnmatchcase(kind, pattern) for kind in KINDS):
                raise ValueError(f"{pattern!r} matches none of {', '.join(KINDS)}")
        return value

    def wants(self, notice: Notice) -> bool:
        """Return whether the notice passes the target's filters."""

        def any_of(patterns: tuple[str, ...], text: str) -> bool:
            return any(fnmatchcase(text, pattern) for pattern in patterns)

        return (
            any_of(self.events, notice.kind)
            and any_of(self.suites, notice.suite or "")
            and any_of(self.branches, notice.branch)
            and (notice.kind != "run.finished" or notice.data.get("status") in self.statuses)
        )


class Webhook(_Filtered):
    """A signed webhook. Two secrets give two signatures, so that a receiver can exchange them without a gap."""

    kind: Literal["webhook"]
    url: Url
    secret: Reference | tuple[Reference, Reference]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The references to the secrets."""
        return (self.secret,) if isinstance(self.secret, str) else self.secret


class Slack(_Filtered):
    """An incoming webhook of Slack, or of a chat that accepts the same payload. Its URL is a secret."""

    kind: Literal["slack"]
    url: Url


class EventBridge(_Filtered):
    """An event bus: its name or ARN. Region and credentials are the SDK's."""

    kind: Literal["eventbridge"]
    bus: str = Field(min_length=1, max_length=1600, pattern=r"^[A-Za-z0-9._:/-]+$")


Target: TypeAlias = Annotated[Webhook | Slack | EventBridge, Field(discriminator="kind")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: dict[Name, Target] = Field(default_factory=dict)


def load(path: str | None) -> Mapping[str, Webhook | Slack | EventBridge]:
    """Return the targets of the file by name; none if no file is set.

    Raises:
        BadSetting: the file cannot be read or is wrong; the error names the field.
    """
    if path is None:
        return {}
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{SETTING}: {path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{SETTING}: {path}: must be TOML: {error}") from error
    try:
        return _File.model_validate(content).targets
    except ValidationError as error:
        raise BadSetting(f"{SETTING}: {path}: {first_problem(error)}") from error
