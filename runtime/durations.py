"""The grammar of durations in the catalog, in options and in arguments."""

import re

GRAMMAR = 'seconds, or a duration such as "90s", "30m", "1h30m" or "1d"'
"""The allowed values, for error messages."""

_NUMBER = r"(\d{1,12}(?:\.\d{1,9})?)"
_PARTS = re.compile("".join(rf"(?:{_NUMBER}{unit})?" for unit in "dhms"), re.ASCII)
_SECONDS = re.compile(_NUMBER, re.ASCII)
_UNITS = (86_400, 3600, 60, 1)


def seconds(value: object) -> float | None:
    """Return the seconds of `"90s"`, `"1h30m"`, `"1d"`, `"90"` or a number, or None if the value is no duration.

    The units are d, h, m and s, each at most once and in this order. A number without a unit is in seconds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:  # an integer beyond the largest float
            return None
    if _SECONDS.fullmatch(value):
        return float(value)
    match = _PARTS.fullmatch(value) if value else None
    if match is None:
        return None
    return sum(float(count) * unit for count, unit in zip(match.groups(), _UNITS, strict=True) if count)
