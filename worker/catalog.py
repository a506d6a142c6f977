"""The suite catalog: the suites that a message may name, and how a runner executes each."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from handoff.message import MAX_TEXT, Text
from runtime import durations
from runtime.errors import InvalidInput, first_problem
from worker import variable

RunnerName = Literal["playwright", "k6", "newman", "pytest", "command"]

MAX_TIMEOUT = 11 * 3600
"""Seconds. SQS hides a message for at most 12 h, and the results must be committed within them."""


MAX_PATTERN = 200


def _must(rule: str) -> WrapValidator:
    """Replace every error of the field's own type by `rule`."""

    def validate(value: object, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError(rule) from error

    return WrapValidator(validate)


def _table(rule: str) -> BeforeValidator:
    def validate(value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(rule)  # noqa: TRY004  # pydantic reports a ValueError
        return value

    return BeforeValidator(validate)


def _is_text(value: str) -> bool:
    return 1 <= len(value.encode()) <= MAX_TEXT and not any(char < " " for char in value)


def _seconds(value: object) -> float:
    timeout = durations.seconds(value)
    if timeout is None or not 0 < timeout <= MAX_TIMEOUT:  # both comparisons are False for nan
        msg = f"must be {durations.GRAMMAR}, above 0, at most 11h"
        raise ValueError(msg)
    return timeout


def _below_catalog(value: object, info: ValidationInfo) -> object:
    """Resolve a path of the catalog. The validation's context is the catalog's folder."""
    if info.context is None:
        return value
    if isinstance(value, str) and _is_text(value) and not Path(value).is_absolute():
        folder: Path = info.context
        path = (folder / value).resolve()
        if path.is_relative_to(folder.resolve()):
            return path
    msg = "must be a path relative to the catalog's folder and inside it"
    raise ValueError(msg)


def _pattern(value: str) -> str:
    if (
        not 1 <= len(value) <= MAX_PATTERN
        or any(char < " " for char in value)
        or value.startswith(("#", "[", "^[", "!"))
    ):
        msg = f"must be a pattern of CODEOWNERS, 1 to {MAX_PATTERN} characters"
        raise ValueError(msg)
    return value


def _variable(name: str) -> str:
    if not variable.is_name(name):
        raise ValueError(variable.ALLOWED)
    return name


Runner = Annotated[RunnerName, _must(f"must be one of {', '.join(get_args(RunnerName))}")]
SecretId = Annotated[Text, _must(f"must be the id of a secret, 1 to {MAX_TEXT} bytes of UTF-8")]
Word = Annotated[str, StringConstraints(pattern=r"\A[^\x00]*\z"), _must("must be a string without NUL")]
Words = Annotated[tuple[Word, ...], _must("must be a list of strings without NUL, never one shell line")]
Owner = Annotated[
    str, StringConstraints(pattern=r"\A[^\x00-\x1f]{1,200}\z"), _must("must be 1 to 200 characters without line breaks")
]
Pattern = Annotated[str, AfterValidator(_pattern)]
ExitCodes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=255, strict=True)], ...], _must("must be a list of exit codes from 1 to 255")
]
Variable = Annotated[str, AfterValidator(_variable)]


class _Entry(BaseModel):
    """The table of one suite. `path` is absolute after validation; `timeout` is in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runner: Runner
    path: Annotated[Path, BeforeValidator(_below_catalog)]
    timeout: Annotated[float, BeforeValidator(_seconds)]
    secret: SecretId | None = None
    args: Words = ()
    command: Annotated[Words, Field(validate_default=True)] = ()
    failed_exit_codes: Annotated[ExitCodes, Field(validate_default=True)] = (1,)
    owner: Owner | None = None
    owners: Annotated[dict[Pattern, Owner], _table("must be a table of patterns and owners")] = Field(
        default_factory=dict
    )
    env: Annotated[dict[Variable, Word], _table("must be a table of strings")] = Field(default_factory=dict)

    @field_validator("command", mode="before")
    @classmethod
    def _check_runner(cls, value: object, info: ValidationInfo) -> object:
        given = value != ()  # the default is a tuple, and TOML gives a list
        if info.data.get("runner") == "command" and not given:
            msg = 'is required with runner = "command"'
            raise ValueError(msg)
        if info.data.get("runner", "command") != "command" and given:
            msg = 'is allowed only with runner = "command"'
            raise ValueError(msg)
        return value

    @field_validator("failed_exit_codes", mode="before")
    @classmethod
    def _check_exit_codes(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("runner", "command") != "command" and value != (1,):
            msg = 'is allowed only with runner = "command"'
            raise ValueError(msg)
        return value

    @field_validator("command")
    @classmethod
    def _check_program(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("runner") == "command" and not (value and value[0]):
            msg = "must name a program: an argv, a list of strings"
            raise ValueError(msg)
        return value


class Suite(_Entry):
    """One suite of the catalog."""

    name: str


class _Catalog(BaseModel):
    model_config = ConfigDict(extra="forbid")

    suites: Annotated[dict[str, Annotated[_Entry, _table("must be a table")]], Field(validate_default=True)] = {}

    @field_validator("suites", mode="before")
    @classmethod
    def _check_names(cls, value: object) -> object:
        if not isinstance(value, dict) or not value:
            msg = "must hold at least one table [suites.NAME]"
            raise ValueError(msg)
        if not all(_is_text(name) for name in value):
            msg = f"a suite's name must be 1 to {MAX_TEXT} bytes of UTF-8 without control characters"
            raise ValueError(msg)
        return value


def load(file: Path) -> Mapping[str, Suite]:
    """Read every suite of the catalog, by name. Paths of suites are relative to the catalog's folder.

    Raises:
        InvalidInput: names the field (`suites.checkout.timeout`) or `WORKER_CATALOG`, and what is allowed.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput("WORKER_CATALOG", f"must be a readable file: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # tomllib.TOMLDecodeError, UnicodeDecodeError or deep nesting
        raise InvalidInput("WORKER_CATALOG", f"must be TOML in UTF-8: {error}") from error
    try:
        entries = _Catalog.model_validate(content, context=file.parent).suites
    except ValidationError as error:
        raise _problem(error) from error
    return MappingProxyType({name: Suite.model_construct(name=name, **dict(entry)) for name, entry in entries.items()})


def _problem(error: ValidationError) -> InvalidInput:
    for problem in error.errors(include_url=False):
        if problem["type"] == "extra_forbidden":
            field = ".".join(map(str, problem["loc"]))
            known = _Catalog if len(problem["loc"]) == 1 else _Entry
            return InvalidInput(field, f"is unknown; allowed: {', '.join(known.model_fields)}")
    return first_problem(error)
