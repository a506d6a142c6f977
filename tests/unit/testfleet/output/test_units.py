"""Durations and sizes as people read them."""

import pytest

from testfleet.output import units


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
    assert units.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_400_000, "1.4 MB"), (2_000_000_000_000, "2000.0 GB")]
)
def test_sizes_read_well(count: int, text: str) -> None:
    """Two gigabytes of video are not 2147483648."""
    assert units.size(count) == text
