"""Durations as people write them in the catalog."""

import re

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_UNITS = (3600, 60, 1)


def seconds(value: object) -> float | None:
    """The seconds that `"90s"`, `"30m"`, `"1h30m"` or a number mean, or None where it is no duration."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None or not value:
            return None
        return sum(float(count) * unit for count, unit in zip(match.groups(), _UNITS, strict=True) if count)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None
