"""The reviewed quarantines: `quarantine.toml` beside the catalog. They decide about the runs of this image only."""

import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from handoff.message import Text
from handoff.records import QuarantinedCase
from runtime import expiry
from runtime.errors import InvalidInput, first_problem

FILE = "quarantine.toml"

MAX_ENTRIES = 1000
MAX_NAME_BYTES = 2000


def _name(value: str) -> str:
    if not 0 < len(value.encode(errors="replace")) <= MAX_NAME_BYTES or any(char < " " for char in value):
        msg = f"must be 1 to {MAX_NAME_BYTES} bytes of UTF-8 text without control characters"
        raise ValueError(msg)
    return value


def _until(value: object) -> datetime:
    found = expiry.moment(value)
    if found is None:
        msg = f"must be {expiry.GRAMMAR}"
        raise ValueError(msg)
    return found


class _Entry(BaseModel):
    """One `[[quarantine]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    suite: Text
    name: Annotated[str, AfterValidator(_name)]
    owner: Text
    until: Annotated[datetime, BeforeValidator(_until)]
    reason: Text
    branch: Text | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quarantine: Annotated[list[_Entry], Field(max_length=MAX_ENTRIES)] = []


def load(catalog: Path, suites: Collection[str]) -> Mapping[str, tuple[QuarantinedCase, ...]]:
    """Return the quarantined cases by suite. Without a file beside the catalog, no case is quarantined.

    An expired entry is valid: the database's clock decides.

    Raises:
        InvalidInput: names the file and the field (`quarantine.toml: quarantine.0.until`), and what is allowed.
    """
    try:
        content = tomllib.loads((catalog.parent / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return MappingProxyType({})
    except OSError as error:
        raise InvalidInput(FILE, f"must be a readable file: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(FILE, f"must be TOML in UTF-8: {error}") from error
    try:
        entries = _File.model_validate(content).quarantine
    except ValidationError as error:
        raise _problem(error) from error
    found: dict[str, list[QuarantinedCase]] = defaultdict(list)
    for position, entry in enumerate(entries):
        field = f"{FILE}: quarantine.{position}"
        if entry.suite not in suites:
            raise InvalidInput(f"{field}.suite", f"must be one of {', '.join(sorted(suites))}")
        if any((entry.name, entry.branch) == (one.name, one.branch) for one in found[entry.suite]):
            raise InvalidInput(f"{field}.name", "must occur once for each suite and branch")
        found[entry.suite].append(QuarantinedCase(**entry.model_dump(exclude={"suite"})))
    return MappingProxyType({suite: tuple(cases) for suite, cases in found.items()})


def _problem(error: ValidationError) -> InvalidInput:
    for problem in error.errors(include_url=False):
        if problem["type"] == "extra_forbidden":
            place: tuple[Any, ...] = problem["loc"]
            known = _File if len(place) == 1 else _Entry
            field = f"{FILE}: {'.'.join(map(str, place))}"
            return InvalidInput(field, f"is unknown; allowed: {', '.join(known.model_fields)}")
    found = first_problem(error)
    return InvalidInput(f"{FILE}: {found.field}", found.allowed)
