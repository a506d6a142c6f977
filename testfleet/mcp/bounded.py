"""Keeps an answer small and its texts harmless: an agent reads all of it, and a report may contain anything."""

import json
import unicodedata
from typing import Any

from testfleet.output.blocks import clean
from testfleet.output.json_text import plain

MAX_ANSWER = 40_000
"""Maximum number of characters of an answer as JSON."""

_LIMITS = ((100, 2000), (100, 500), (50, 300), (20, 200), (10, 100), (5, 50), (1, 20))
"""Maximum numbers of entries of a list and of characters of a text. The first pair that keeps `MAX_ANSWER` is used."""

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that are invisible or that change the direction of a text."""


def bounded(answer: object) -> dict[str, Any]:
    """Return a record as JSON's types, with at most `MAX_ANSWER` characters.

    A text that is cut ends with `…`. Beside a list that is cut, the key `NAME_left_off` has the number of its entries
    that are missing. Texts have no control characters and no invisible ones.
    """
    value = plain(answer)
    for entries, characters in _LIMITS:
        shrunk = _shrunk(value, entries, characters)
        if len(json.dumps(shrunk, ensure_ascii=False)) <= MAX_ANSWER:
            break
    return dict(shrunk)


def visible(text: str) -> str:
    """Return the text without escape sequences, control characters and invisible characters."""
    return "".join(char for char in clean(text) if char in _KEPT or unicodedata.category(char) not in _HIDDEN)


def _shrunk(value: Any, entries: int, characters: int) -> Any:
    if isinstance(value, str):
        text = visible(value)
        return text if len(text) <= characters else f"{text[: characters - 1]}…"
    if isinstance(value, list):
        return [_shrunk(item, entries, characters) for item in value[:entries]]
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, item in value.items():
            result[visible(str(key))[:characters]] = _shrunk(item, entries, characters)
            if isinstance(item, list) and len(item) > entries:
                result[f"{key}_left_off"] = len(item) - entries
        return result
    return value
