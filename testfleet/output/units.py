"""Durations and sizes in units that people read."""

import math

_LONGEST_HOURS = 9999


def duration(milliseconds: float | None) -> str:
    """Return the duration rounded to its leading units: `85 ms`, `2.4 s`, `3 m 05 s`, `1 h 02 m`.

    None and NaN are `-`. More than 9999 hours are `> 9999 h`.
    """
    if milliseconds is None or math.isnan(milliseconds):
        return "-"
    if milliseconds < 999.5:  # noqa: PLR2004  # anything above rounds to a second
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_950:  # noqa: PLR2004  # anything above rounds to a minute
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds > _LONGEST_HOURS * 3_600_000:
        return f"> {_LONGEST_HOURS} h"
    seconds = round(milliseconds / 1000)
    if seconds < 3600:  # noqa: PLR2004  # an hour
        return f"{seconds // 60} m {seconds % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} m"


def size(count: int) -> str:
    """Return a number of bytes in the largest unit that gives at least 1: `812 B`, `1.4 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004  # SI's own step
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
