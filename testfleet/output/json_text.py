"""Values as JSON text."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any


def as_json(value: object, *, ensure_ascii: bool = False) -> str:
    """Return the value as JSON. Keys are names of columns, times are ISO 8601 in UTC, durations are milliseconds.

    JSON has no infinity and no NaN: they become null.
    """
    return json.dumps(plain(value), indent=2, ensure_ascii=ensure_ascii, allow_nan=False)


def plain(value: Any) -> Any:
    """Return the value as the types of JSON: a record is an object whose keys are the names of its fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, date):  # a datetime, too
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
