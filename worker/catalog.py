"""The suite catalog: which suites there are and how each is run."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeGuard, get_args

from runtime import durations
from runtime.errors import InvalidInput
from worker import variable

RunnerName = Literal["playwright", "k6", "newman", "pytest", "command"]

MAX_TIMEOUT = 11 * 3600
"""Seconds: SQS holds a message in flight for 12 h at most, and the results must be committed within them."""

MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite of the catalog. `path` is absolute; `timeout` is in seconds."""

    name: str
    runner: RunnerName
    path: Path
    timeout: float
    secret: str | None = None
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


_KEYS = tuple(item.name for item in fields(Suite) if item.name != "name")


def load(file: Path) -> Mapping[str, Suite]:
    """Read every suite of the catalog, by name; a suite's path is relative to the catalog's folder.

    Raises:
        InvalidInput: names the field (`suites.checkout.timeout`) or `WORKER_CATALOG`, and what is allowed.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput("WORKER_CATALOG", f"must be a readable file: {error.strerror}") from error
    except ValueError as error:  # tomllib's own error is one, and so is that of the decoder
        raise InvalidInput("WORKER_CATALOG", f"must be TOML in UTF-8: {error}") from error
    _refuse_unknown(content, ("suites",), "")
    tables = content.get("suites")
    if not isinstance(tables, dict) or not tables:
        raise InvalidInput("suites", "must hold at least one table [suites.NAME]")
    return MappingProxyType({name: _suite(name, table, file.parent) for name, table in tables.items()})


def _suite(name: str, table: object, folder: Path) -> Suite:
    where = f"suites.{name}"
    if not _is_text(name):
        raise InvalidInput(
            "suites", f"a suite's name must be 1 to {MAX_TEXT} bytes of UTF-8 without control characters"
        )
    if not isinstance(table, dict):
        raise InvalidInput(where, "must be a table")
    _refuse_unknown(table, _KEYS, where)
    for key in ("runner", "path", "timeout"):
        if key not in table:
            raise InvalidInput(f"{where}.{key}", "is required")
    runner = _runner(table["runner"], f"{where}.runner")
    return Suite(
        name=name,
        runner=runner,
        path=_path(table["path"], folder, f"{where}.path"),
        timeout=_timeout(table["timeout"], f"{where}.timeout"),
        secret=_secret(table["secret"], f"{where}.secret") if "secret" in table else None,
        args=_words(table.get("args", []), f"{where}.args"),
        command=_command(table.get("command"), runner, f"{where}.command"),
        env=_env(table.get("env", {}), f"{where}.env"),
    )


def _refuse_unknown(table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidInput(f"{where}.{key}".lstrip("."), f"is not known; known here: {', '.join(known)}")


def _runner(value: object, where: str) -> RunnerName:
    names: tuple[RunnerName, ...] = get_args(RunnerName)
    for name in names:
        if value == name:
            return name
    raise InvalidInput(where, f"must be one of {', '.join(names)}")


def _path(value: object, folder: Path, where: str) -> Path:
    if _is_text(value) and not Path(value).is_absolute():
        path = (folder / value).resolve()
        if path.is_relative_to(folder.resolve()):
            return path
    raise InvalidInput(where, "must be a path relative to the catalog's folder and inside it")


def _timeout(value: object, where: str) -> float:
    timeout = durations.seconds(value)
    if timeout is None or not 0 < timeout <= MAX_TIMEOUT:  # neither holds for nan
        raise InvalidInput(where, f"must be {durations.GRAMMAR}, above 0, at most 11h")
    return timeout


def _secret(value: object, where: str) -> str:
    if not _is_text(value):
        raise InvalidInput(where, f"must be the id of a secret, 1 to {MAX_TEXT} bytes of UTF-8")
    return value


def _command(value: object, runner: RunnerName, where: str) -> tuple[str, ...]:
    if runner != "command":
        if value is not None:
            raise InvalidInput(where, 'is allowed only with runner = "command"')
        return ()
    if value is None:
        raise InvalidInput(where, 'is required with runner = "command"')
    command = _words(value, where)
    if not command or not command[0]:
        raise InvalidInput(where, "must name a program: an argv, a list of strings")
    return command


def _words(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) and "\0" not in word for word in value):
        raise InvalidInput(where, "must be a list of strings without NUL, never one shell line")
    return tuple(value)


def _env(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InvalidInput(where, "must be a table of strings")
    for name, text in value.items():
        if not variable.is_name(name):
            raise InvalidInput(f"{where}.{name}", variable.ALLOWED)
        if not isinstance(text, str) or "\0" in text:
            raise InvalidInput(f"{where}.{name}", "must be a string without NUL")
    return value


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value.encode()) <= MAX_TEXT and not any(char < " " for char in value)
