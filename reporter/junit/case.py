"""What one case of a report is, as a frozen value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    """An assertion did not hold."""
    ERRORED = "errored"
    """The test itself broke."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a case that was tried more than once; the first in the report's order is try 1."""

    status: Status
    duration_ms: float | None = None
    error: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test case of a shard's report, with a name that no other case of this shard has.

    `tries` is empty for a case that was tried once. `error` is at most 16 KiB of UTF-8, `message` at most 2000
    bytes; neither holds terminal colours or what PostgreSQL refuses. `location` is `file:line`.
    Times are as the report gives them, None where it does not.
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
