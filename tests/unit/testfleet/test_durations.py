"""Durations as people write and read them."""

import pytest

from testfleet.durations import human, parse
from testfleet.errors import Refused


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1h30m", 5400), ("30", 30)],
)
def test_a_written_duration_is_seconds(written: str, seconds: float) -> None:
    """One form for the catalog and the command line."""
    assert parse(written, option="--timeout") == seconds


@pytest.mark.parametrize("written", ["", "-5m", "5 days", "m", "30m1h", "5M", "5e3s", "\N{ARABIC-INDIC DIGIT FIVE}s"])
def test_anything_else_is_refused_with_its_option(written: str) -> None:
    """A timeout of 30 what?"""
    with pytest.raises(Refused, match=r"^--timeout: must be seconds, or a duration such as \"90s\", \"30m\""):
        parse(written, option="--timeout")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (float("inf"), "> 9999 h"),
        (1.7e308, "> 9999 h"),
        (0, "0 ms"),
        (84.6, "85 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (2_440, "2.4 s"),
        (59_949, "59.9 s"),
        (59_951, "1 m 00 s"),
        (185_000, "3 m 05 s"),
        (3_599_400, "59 m 59 s"),
        (3_599_600, "1 h 00 m"),
        (3_720_000, "1 h 02 m"),
        (90_000_000, "25 h 00 m"),
    ],
)
def test_a_duration_reads_well_in_any_size(milliseconds: float | None, text: str) -> None:
    """Rounding never shows sixty seconds or sixty minutes."""
    assert human(milliseconds) == text
