"""Dates and times at which something expires."""

from datetime import UTC, date, datetime

import pytest

from runtime.expiry import moment


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("2030-01-31", datetime(2030, 2, 1, tzinfo=UTC)),
        (date(2030, 12, 31), datetime(2031, 1, 1, tzinfo=UTC)),
        ("2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, tzinfo=UTC)),
        (datetime(2030, 1, 31, tzinfo=UTC), datetime(2030, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_date_includes_its_day_and_a_time_is_exact(value: object, end: datetime) -> None:
    assert moment(value) == end


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "",
        "2030-01-31T12:00:00",
        datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None),
        7,
        None,
        True,
        date(9999, 12, 31),
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_anything_else_is_no_moment(value: object) -> None:
    """A time without a zone means another moment on each machine."""
    assert moment(value) is None
