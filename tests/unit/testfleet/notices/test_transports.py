"""The wish of a busy target."""

from datetime import UTC, datetime

import pytest

from testfleet.notices.transports import retry_after

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("120", 120), ("0", 0), ("9" * 400, 1e9), ("Fri, 20 Nov 2026 12:01:30 GMT", 90),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0), ("soon", None), ("-5", None), ("", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOON) == seconds
