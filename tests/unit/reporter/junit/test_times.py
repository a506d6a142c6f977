"""Numbers and times as reports spell them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit.times import instant, later, milliseconds, number


def _zone(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        (" .5 ", 0.5),
        ("5.", 5.0),
        ("1.2e-05", 1.2e-05),
        ("1,234.56", 1234.56),  # Surefire, English
        ("1,234", 1234.0),
        ("12,345,678.9", 12345678.9),
        ("1.234,56", 1234.56),  # German
        ("1.234.567", 1234567.0),
        ("1 234,56", 1234.56),  # French, with a blank
        ("1\u202f234,56", 1234.56),  # French, with the blank of its typography
        ("1'234.56", 1234.56),  # Swiss
        ("12,5", 12.5),
        ("0,123", 0.123),  # no group begins with zero
        ("1.234", 1.234),
        ("1234,567", 1234.567),  # no group has four digits
    ],
)
def test_a_number_is_read_in_any_spelling(text: str, value: float) -> None:
    """Thousands may be grouped, and the decimal point may be a comma."""
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "-1",
        "-0.001",
        "nan",
        "NaN",
        "inf",
        "1e999",
        "abc",
        "1s",
        "1,23,4",
        "1,234,5",
        "1_0",
        "1 0",
        "٣",
        "9" * 41,
    ],
)
def test_a_text_that_is_no_measured_number_is_none(text: str | None) -> None:
    """A wrong figure is worse than a missing one."""
    assert number(text) is None


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_a_printed_number_is_read_back(value: float) -> None:
    """Plain, and with groups."""
    assert number(repr(value)) == value
    assert number(f"{value:,.3f}") == pytest.approx(value, abs=0.001)


@given(st.text(alphabet="0123456789.,eE+- '\u202f"))
def test_any_text_is_a_number_or_none(text: str) -> None:
    """No text raises an error or gives a negative number."""
    value = number(text)
    assert value is None or 0 <= value < float("inf")


def test_the_time_of_a_case_becomes_milliseconds() -> None:
    """Reports are in seconds, rows in rounded milliseconds."""
    assert milliseconds("0.29") == 290.0
    assert milliseconds(None) is None


@pytest.mark.parametrize("text", ["1.7e308", "1.7e305", "9e12", "1e300"])
def test_a_figure_that_is_no_measured_time_is_none(text: str) -> None:
    """In milliseconds, it or a sum of it would be infinite."""
    assert milliseconds(text) is None
    assert milliseconds("1.7e308", unit=1) is None


@given(st.floats(min_value=0, allow_nan=False).map(repr) | st.text(alphabet="0123456789.,e+", max_size=12))
def test_a_sum_of_any_times_is_finite(text: str) -> None:
    """A hundred thousand cases of the longest accepted time."""
    value = milliseconds(text)
    assert value is None or 0 <= value * 100_000 < float("inf")


@given(st.datetimes(timezones=st.timezones() | st.sampled_from([*map(_zone, range(-23, 24))])), st.floats(0, 1e300))
def test_any_instant_can_be_read_in_any_zone(moment: datetime, duration_ms: float) -> None:
    """Python and PostgreSQL's clients have no year after 9999."""
    for found in (start := instant(moment.isoformat()), later(start, duration_ms)):
        if found is not None:
            assert found.utcoffset() == timedelta()
            assert [found.astimezone(_zone(hours)).year >= 1999 for hours in (-23, 23)] == [True, True]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T22:52:38.239033+00:00", datetime(2026, 11, 20, 22, 52, 38, 239033, UTC)),
        ("2026-11-20T22:52:45Z", datetime(2026, 11, 20, 22, 52, 45, tzinfo=UTC)),
        ("2026-11-20T22:52:45+02:00", datetime(2026, 11, 20, 22, 52, 45, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-11-20T22:52:45", None),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T23:59:59+14:00", None),
        ("9998-12-31T23:59:59Z", datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Fri Nov 20 22:52:45 2026", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_time_with_a_zone_counts(text: str | None, moment: datetime | None) -> None:
    """Without a zone, a time may be hours off. An epoch is a default."""
    assert instant(text) == moment
