"""Cells that several tables have."""

from datetime import datetime

from testfleet.output import units
from testfleet.output.blocks import clean_line, first_line

MAX_CELL = 100
"""Maximum number of characters of a text from a report or a message."""

MAX_NAME = 160
"""Maximum number of characters of the name of a case, a suite or a branch."""

ABSENT = "-"


def name(text: str | None) -> str:
    """Return a name in one line, shortened. Its beginning still names a case in a command."""
    return _cut(clean_line(text or ""), MAX_NAME) or ABSENT


def words(text: str | None) -> str:
    """Return the first line of a text, shortened."""
    return _cut(clean_line(first_line(text)), MAX_CELL) or ABSENT


def day(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d}" if value else ABSENT


def minute(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else ABSENT


def number(value: float | None, digits: int = 2) -> str:
    return ABSENT if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Return a share between 0 and 1 in percent, with one digit after the point."""
    return ABSENT if value is None else f"{value * 100:.1f} %"


def durations(before: float | None, after: float | None) -> str:
    """Return two durations in milliseconds as `1.2 s → 3.4 s`."""
    return f"{units.duration(before)} → {units.duration(after)}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
