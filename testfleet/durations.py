"""Durations as people write and read them."""

import re

from testfleet.errors import Refused

_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse(value: str, *, option: str) -> float:
    """Seconds of `"90s"`, `"30m"`, `"1h"`, written as in the catalog.

    Raises:
        Refused: names the option and what is allowed.
    """
    match = _WRITTEN.fullmatch(value.strip())
    if not match:
        raise Refused(f"{option}: must be a duration such as 90s, 30m or 1h")
    return float(match[1]) * _SECONDS[match[2]]


def human(milliseconds: float | None) -> str:
    """The duration with as many digits as say something: `85 ms`, `2.4 s`, `3 m 05 s`, `1 h 02 m`; `-` for None."""
    if milliseconds is None:
        return "-"
    if milliseconds < 999.5:  # noqa: PLR2004  # anything above rounds to a second
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_950:  # noqa: PLR2004  # anything above rounds to a minute
        return f"{milliseconds / 1000:.1f} s"
    seconds = round(milliseconds / 1000)
    if seconds < 3600:  # noqa: PLR2004  # an hour
        return f"{seconds // 60} m {seconds % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} m"
