"""Numbers and times as report writers spell them; None where a spelling says nothing that can be relied on."""

import math
import re
from datetime import UTC, datetime

_LONGEST = 40  # characters; no measured time is longer, and int() of a long text is slow
_GROUP_SPACE = re.compile(r"(?<=\d)[\s'](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"\d+(?:[.]\d*)?(?:[eE][+-]?\d{1,3})?|[.]\d+(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d*)?", re.ASCII)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def number(text: str | None) -> float | None:
    """A number that is zero or more, in the spelling of any locale.

    `1,234.56`, `1.234,56`, `1 234,56` and `1'234.56` are the same. One separator alone is a decimal point, but for a
    comma that cuts off a group of three (`1,234`), as Surefire writes it; `0,123` can't be a group.
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
    return value if math.isfinite(value) else None


def milliseconds(seconds: str | None) -> float | None:
    """The `time` of a case, which is in seconds, in milliseconds."""
    value = number(seconds)
    return None if value is None else round(value * 1000, 6)


def instant(timestamp: str | None) -> datetime | None:
    """A time that says which zone it is of; without one it could be hours off, and before 2000 it is a default."""
    if timestamp is None or len(timestamp) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(timestamp.strip())
        return moment if moment.tzinfo and moment.astimezone(UTC) >= _EARLIEST else None
    except (ValueError, OverflowError):
        return None
