"""The job message: the JSON body that a pipeline or a schedule sends to the queue."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from runtime.errors import InvalidInput, first_problem

MAX_SHARDS = 1000
MAX_TEXT = 1024
"""Maximum bytes of UTF-8 of one text. PostgreSQL rejects an index entry of more than 2704 bytes."""
MAX_PARAMS = 100

_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class InvalidMessage(InvalidInput):
    """The message can never succeed.

    `reason` is a fixed snake_case word. `run_id` and `suite` are those of the message, or None if it has no readable
    ones: they say which run to record as errored.
    """

    def __init__(
        self,
        field: str,
        allowed: str,
        *,
        reason: str = "invalid_message",
        run_id: str | None = None,
        suite: str | None = None,
    ) -> None:
        super().__init__(field, allowed)
        self.reason = reason
        self.run_id = run_id
        self.suite = suite


def _check_run_id(value: str) -> str:
    if not _RUN_ID.fullmatch(value):
        msg = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"
        raise ValueError(msg)
    return value


def _check_text(value: str) -> str:
    if not value or not _is_storable(value) or len(value.encode()) > MAX_TEXT:
        msg = f"must be 1 to {MAX_TEXT} bytes of UTF-8 text without control characters"
        raise ValueError(msg)
    return value


def _is_storable(value: str) -> bool:
    """Return whether the text has no control character and no lone surrogate.

    PostgreSQL rejects NUL and lone surrogates. A line break in a name misleads a reader.
    """
    return not any(ord(char) < ord(" ") or "\ud800" <= char <= "\udfff" for char in value)


def _check_url(value: str) -> str:
    try:
        url = urlsplit(_check_text(value))
        good = url.scheme in {"http", "https"} and bool(url.hostname)
        _ = url.port  # raises ValueError if the port is not a number
    except ValueError:
        good = False
    if not good:
        msg = "must be an http:// or https:// URL with a host"
        raise ValueError(msg)
    return value


def _check_params(value: dict[str, str]) -> dict[str, str]:
    if len(value) > MAX_PARAMS:
        msg = f"must hold at most {MAX_PARAMS} entries"
        raise ValueError(msg)
    for name, text in value.items():
        if not _PARAM.fullmatch(name) or len(text) > MAX_TEXT or not _is_storable(text):
            msg = (
                f"must be a flat map of names (1 to 64 of A-Z a-z 0-9 _, no leading digit) "
                f"to strings of at most {MAX_TEXT} characters"
            )
            raise ValueError(msg)
    return value


def _number_to_text(value: Any) -> Any:
    return str(value) if type(value) is int and 0 < value < 1 << 63 else value


RunId = Annotated[str, AfterValidator(_check_run_id)]
Text = Annotated[str, AfterValidator(_check_text)]
Url = Annotated[str, AfterValidator(_check_url)]
PullRequest = Annotated[Text, BeforeValidator(_number_to_text)]
"""The id of a pull or merge request. In JSON it is `"42"` or `42`."""
Params = Annotated[dict[str, str], AfterValidator(_check_params)]


class Shard(BaseModel):
    """A shard of a run, counted from 1. In JSON it is `"2/4"` or `{"index": 2, "total": 4}`."""

    model_config = ConfigDict(frozen=True, strict=True)

    index: int
    total: int

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, str):
            match = _SHARD.fullmatch(value)
            value = {"index": int(match[1]), "total": int(match[2])} if match else None
        elif isinstance(value, dict):
            value = {key: value.get(key) for key in ("index", "total")}
        if not isinstance(value, cls) and not (isinstance(value, dict) and _counts(value)):
            msg = f'must be "i/n" with 1 <= i <= n <= {MAX_SHARDS}'
            raise ValueError(msg)
        return value

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"


def _counts(value: dict[str, Any]) -> bool:
    index, total = value.get("index"), value.get("total")
    return type(index) is int and type(total) is int and 1 <= index <= total <= MAX_SHARDS


class JobMessage(BaseModel):
    """One shard of one run. A message only names a suite of the catalog and carries no command, image or path.

    `commit` to `environment` describe what the run tests and what started it. No program acts on them.
    """

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel, validate_by_name=True)

    run_id: RunId
    suite: Text
    shard: Shard = Shard(index=1, total=1)
    target_url: Url | None = None
    commit: Text | None = None
    branch: Text | None = None
    pull_request: PullRequest | None = None
    parent_commit: Text | None = None
    author: Text | None = None
    ci_url: Url | None = None
    trigger: Text | None = None
    environment: Text | None = None
    params: Params = Field(default_factory=dict)

    def to_json(self) -> str:
        """Return the body of the message: camelCase keys, the shard as `"i/n"`, no unset fields."""
        body = self.model_dump(by_alias=True, exclude_none=True)
        body["shard"] = str(self.shard)
        if not self.params:
            del body["params"]
        return json.dumps(body)


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A valid message, and the names of its unknown fields, which the worker ignores and logs."""

    job: JobMessage
    unknown_fields: tuple[str, ...]

    @classmethod
    def from_body(cls, body: str, *, message_id: str) -> Self:
        """Parse the body of an SQS message.

        A missing `runId` is derived from `message_id`, so that every redelivery names the same run.

        Raises:
            InvalidMessage: the message can never succeed. The error names the field and what is allowed.
        """
        fields = _object(body)
        known = {field.alias for field in JobMessage.model_fields.values()}
        given = {name: value for name, value in fields.items() if value is not None}
        try:
            job = JobMessage.model_validate({"runId": message_id, **given}, by_name=False)
        except ValidationError as error:
            problem = first_problem(error)
            raise InvalidMessage(
                problem.field,
                problem.allowed,
                run_id=_readable(given.get("runId", message_id), _check_run_id),
                suite=_readable(given.get("suite"), _check_text),
            ) from error
        return cls(job, tuple(sorted(fields.keys() - known)))


def _object(body: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("body", "must be a JSON object") from error
    if not isinstance(value, dict):
        raise InvalidMessage("body", "must be a JSON object")
    return value


def _readable(value: object, check: Any) -> str | None:
    try:
        return str(check(value)) if isinstance(value, str) else None
    except ValueError:
        return None
