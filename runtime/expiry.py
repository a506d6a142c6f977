"""The moment at which something expires, from a date or a time that a person wrote."""

from datetime import UTC, date, datetime, time, timedelta

GRAMMAR = 'a date such as "2030-01-31", which includes that day in UTC, or a time with its zone: "2030-01-31T12:00:00Z"'
"""The allowed values, for error messages."""

_LATEST = datetime(9998, 1, 1, tzinfo=UTC)


def moment(value: object) -> datetime | None:
    """Return the moment after which the value is past, in UTC, or None if it is neither a date nor a time with a zone.

    A date is past at its end. Text has the forms of ISO 8601.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            try:
                value = datetime.fromisoformat(value) if isinstance(value, str) else value
            except ValueError:
                return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return None
        try:
            found = value.astimezone(UTC)
        except OverflowError:
            return None
    elif isinstance(value, date):
        if value.year >= _LATEST.year:
            return None
        found = datetime.combine(value, time(), UTC) + timedelta(days=1)
    else:
        return None
    return found if found < _LATEST else None
