"""Durations in options, such as `--timeout 30m`."""

from runtime import durations
from testfleet.errors import Refused


def parse(value: str, *, option: str) -> float:
    """Return the seconds of `"90s"`, `"30m"`, `"1h30m"`; the grammar is that of `runtime.durations`.

    Raises:
        Refused: names the option and what is allowed.
    """
    seconds = durations.seconds(value)
    if seconds is None:
        raise Refused(f"{option}: must be {durations.GRAMMAR}")
    return seconds
