"""The failure of a case: its message, text, type and location, and the fingerprint of its cause."""

import re
from dataclasses import dataclass
from typing import Self

from reporter.junit import failure_message
from reporter.junit.cause import Cause
from reporter.junit.location import Origin, locate
from runtime.text import storable

MAX_ERROR_BYTES = 16 * 1024
"""Longest stored text in UTF-8, including the marker. The JUnit file keeps the whole text."""

_MAX_TYPE = 200
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?|\x9b[0-?]*[ -/]*[@-~]"
    # A colour whose escape character the report writer replaced, because XML forbids it.
    r"|(?:\ufffd|#x1B|&#27;|&amp#27;)\[[0-9;]*[mK]"
)
_LEADING_TYPE = re.compile(
    r"(?:failed on (?:setup|teardown) with \")?"  # pytest's words
    r"((?:[A-Za-z_][\w$]*[.\\]){0,20}[A-Z][\w$]*(?:Error|Exception|Failure))(?=[:\s]|$)"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a case; each field is None if the report has no value.

    `message` is a few lines, `text` is the whole text of the report, `location` is `file:line`.
    """

    text: str | None = None
    type: str | None = None
    fingerprint: str | None = None
    message: str | None = None
    location: str | None = None

    @classmethod
    def of(
        cls,
        type_: str,
        message: str,
        text: str,
        *,
        left_out: int = 0,
        names: tuple[str, ...] = (),
        origin: Origin = Origin(),  # noqa: B008  # frozen
    ) -> Self:
        """Return the failure that a report describes by the type, message and text of a result.

        `left_out` is the number of bytes of `text` that the caller has dropped. `names` are the class and name of the
        case; the fingerprint leaves them out, so that two cases with one cause share it.
        """
        message, text = plain(message).strip(), plain(text).strip("\n").rstrip()
        whole = text if message in text else "\n".join(filter(None, (message, text)))
        kind = _type(type_, message, text)
        location = locate(whole, origin)
        words = failure_message.fingerprinted(message, text, names)
        return cls(
            text=cut(whole, left_out=left_out) if whole or left_out else None,
            type=kind,
            fingerprint=Cause.of(kind, words, location).fingerprint if whole or kind else None,
            message=failure_message.shown(message, text, names) or None,
            location=location,
        )


def plain(text: str) -> str:
    """Return the text without terminal colours and characters that PostgreSQL refuses."""
    return storable(_ANSI.sub("", text))


def cut(text: str, *, left_out: int = 0) -> str:
    """Return at most 16 KiB of the text. A marker at the end counts the missing bytes, including `left_out`."""
    raw = text.encode()
    if len(raw) <= MAX_ERROR_BYTES and not left_out:
        return text
    # Reserve room for the marker with the largest possible number. The final marker is never longer.
    head = raw[: MAX_ERROR_BYTES - len(_marker(len(raw) + left_out).encode())].decode(errors="ignore")
    return head + _marker(len(raw) - len(head.encode()) + left_out)


def _marker(missing: int) -> str:
    return f"\n[… {missing} bytes left out]"


def _type(type_: str, message: str, text: str) -> str | None:
    named = plain(type_).strip()[:_MAX_TYPE]
    if not failure_message.is_status(named) or named == "Error":
        return named
    leading = _LEADING_TYPE.match(message) or _LEADING_TYPE.match(text)
    return leading[1][:_MAX_TYPE] if leading else None
