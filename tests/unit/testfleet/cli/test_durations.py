"""Durations as people write them in options."""

import pytest

from testfleet.cli.durations import parse
from testfleet.errors import Refused


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1h30m", 5400), ("30", 30)],
)
def test_a_duration_is_parsed_into_seconds(written: str, seconds: float) -> None:
    """Options and the catalog share one grammar."""
    assert parse(written, option="--timeout") == seconds


@pytest.mark.parametrize("written", ["", "-5m", "5 days", "m", "30m1h", "5M", "5e3s", "\N{ARABIC-INDIC DIGIT FIVE}s"])
def test_anything_else_is_refused_with_its_option(written: str) -> None:
    """The error names the option and the allowed form."""
    with pytest.raises(Refused, match=r"^--timeout: must be seconds, or a duration such as \"90s\", \"30m\""):
        parse(written, option="--timeout")
