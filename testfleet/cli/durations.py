"""Durations in options, such as `--timeout 30m`."""

from runtime import durations
from testfleet.errors import Refused


def parse(value: str, *, option: str) -> float:
    """Return the seconds of a duration such as `"90s"`, `"30m"` or `"1h30m"`.

    Raises:
        Refused: the value is no duration; the error names the option.
    """
    seconds = durations.seconds(value)
    if seconds is None:
        raise Refused(f"{option}: must be {durations.GRAMMAR}")
    return seconds
