"""Numbers and times as reports spell them. An unclear spelling gives None."""

import re
from datetime import UTC, datetime, timedelta

_LONGEST = 40  # characters; a measured time is shorter, and int() of a long text is slow
_GROUP_SPACE = re.compile(r"(?<=\d)[\s'](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"\d+(?:[.]\d*)?(?:[eE][+-]?\d{1,3})?|[.]\d+(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d*)?", re.ASCII)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""Python has no later year: a later instant could not be read in every time zone."""
_MOST_MS = 1e15
"""About 30,000 years. A larger figure is no measured time, and sums of it could overflow."""


def number(text: str | None) -> float | None:
    """Return a finite number of zero or more, in the spelling of any locale, or None.

    `1,234.56`, `1.234,56`, `1 234,56` and `1'234.56` are equal. A single separator is a decimal point. The exception
    is a comma before a group of three digits (`1,234`), as Surefire writes it. `0,123` is no group.
    """
    if text is None or len(text) > _LONGEST:
        return None
    text = _GROUP_SPACE.sub("", text.strip())
    if (grouped := _GROUPED.fullmatch(text)) and (grouped[1] == "," or text.count(".") > 1 or "," in text):
        text = text.replace(grouped[1], "")
    text = text.replace(",", ".")
    if not _PLAIN.fullmatch(text):
        return None
    value = float(text)
    return value if value < float("inf") else None


def milliseconds(text: str | None, *, unit: int = 1000) -> float | None:
    """Return a measured time in ms, of a text in units of `unit` ms. A `time` of JUnit is in seconds."""
    value = number(text)
    return None if value is None or value * unit > _MOST_MS else round(value * unit, 6)


def instant(timestamp: str | None) -> datetime | None:
    """Return the instant in UTC of a time with a zone. A time without a zone gives None: it could be hours off.

    An instant before 2000 or after 9998 gives None, too.
    """
    if timestamp is None or len(timestamp) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(timestamp.strip())
        return _plausible(moment.astimezone(UTC)) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def later(moment: datetime | None, duration_ms: float | None) -> datetime | None:
    """Return the instant `duration_ms` after another one, or None without either."""
    if moment is None or duration_ms is None:
        return None
    try:
        return _plausible(moment + timedelta(milliseconds=duration_ms))
    except OverflowError:
        return None


def _plausible(moment: datetime) -> datetime | None:
    return moment if _EARLIEST <= moment < _LATEST else None
