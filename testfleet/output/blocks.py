"""Blocks of text that a command prints: lines and tables, without colours. `console` prints them."""

import re
from dataclasses import dataclass, field
from typing import Literal

from runtime.text import one_line

Tone = Literal["plain", "good", "bad", "odd", "faint"]

TONES: dict[str, Tone] = {
    "passed": "good",
    "failed": "bad",
    "errored": "bad",
    "flaky": "odd",
    "interrupted": "odd",
    "cancelled": "odd",
    "running": "plain",
    "queued": "faint",
}
"""The tones of the statuses of runs, shards and cases."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    "|[\u202a-\u202e\u2066-\u2069]"  # they change the direction of the text that follows
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text. `tones` has the colour of each row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[Tone, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, which is never folded."""

    text: str
    tone: Tone = "plain"
    indent: int = field(default=0)


def clean(text: str) -> str:
    """Return the text without control sequences. A case's error may contain them, and a terminal would execute them.

    Marks that reverse the direction of a text are removed, too.
    """
    return _ESCAPES.sub("", text)


def first_line(text: str | None) -> str:
    """Return the first line that is not blank."""
    lines = (line.strip() for line in clean(text or "").splitlines())
    return next((line for line in lines if line), "")


def clean_line(text: str) -> str:
    """Return the text in one line, without terminal control sequences."""
    return one_line(clean(text))
