"""The values that a report becomes: a case, its tries and their status."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The result of a case or of a try."""

    PASSED = "passed"
    FAILED = "failed"
    """An assertion failed."""
    ERRORED = "errored"
    """The test broke before or beside an assertion."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a case that has several tries. The first in the report's order is try 1."""

    status: Status
    duration_ms: float | None = None
    error: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a shard's reports. No other case of the shard has its name.

    `tries` is empty for a case with one try. `error` is at most 16 KiB of UTF-8, `message` at most 2000 bytes. Neither
    contains terminal colours or characters that PostgreSQL refuses. `location` is `file:line`. A time is None if the
    report has none.
    """

    name: str
    status: Status
    file: str | None = None
    flaky: bool = False
    tries: tuple[Try, ...] = ()
    duration_ms: float | None = None
    error: str | None = None
    error_type: str | None = None
    fingerprint: str | None = None
    message: str | None = None
    location: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
