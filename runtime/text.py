"""Text for people: error texts on one line, and characters that PostgreSQL can store."""

import re

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def one_line(text: str | BaseException) -> str:
    """Return the text without line breaks and repeated blanks; for an error without text, the name of its class."""
    line = " ".join(str(text).split())
    return line or (type(text).__name__ if isinstance(text, BaseException) else "")


def storable(text: str) -> str:
    """Return the text with U+FFFD for each character that PostgreSQL refuses: NUL and lone surrogates."""
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
