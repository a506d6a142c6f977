"""The one grammar of durations."""

import pytest

from runtime import durations


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h0m1s", 3601),
        ("1.5m", 90),
        ("0.5s", 0.5),
        (90, 90),
        (0.5, 0.5),
        (-1, -1),
        ("", None),
        ("90", 90),
        ("1.5", 1.5),
        ("1d", 86400),
        ("1d12h", 129600),
        ("1h 30m", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}s", None),
        ("5e3", None),
        ("inf", None),
        ("30m1h", None),
        ("1m1m", None),
        ("-1s", None),
        (" 1s", None),
        ("1s\n", None),
        ("1ms", None),
        (10**400, None),
        (True, None),
        (None, None),
    ],
)
def test_durations(written: object, seconds: float | None) -> None:
    """Days, hours, minutes and seconds, in that order, or a bare number of seconds."""
    assert durations.seconds(written) == seconds
