"""stdout and stderr. They accept any text and survive a closed pipe, so that output never changes the exit code."""

import codecs
import io
import os
import sys
from typing import TextIO

from testfleet.errors import Unavailable
from testfleet.output.workflow_commands import inert, inert_json

_ASCII = {"·": "|", "…": "...", "→": "->", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}": ">"}
"""Replacements of the characters beyond ASCII that the command itself prints."""


def prepare() -> None:
    """Replace characters that a stream's encoding lacks, and open a null device for a stream that the caller closed."""
    codecs.register_error("testfleet", _replace)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  # open until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="testfleet")


def to_stdout(text: str) -> None:
    """Write a line to stdout.

    Raises:
        Unavailable: as `finish`.
    """
    try:
        sys.stdout.write(f"{inert(text)}\n")
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def document_to_stdout(text: str, *, as_json: bool = False) -> None:
    """Write a document of several lines to stdout, in UTF-8 whatever the terminal's encoding.

    Raises:
        Unavailable: as `finish`.
    """
    safe = inert_json(text) if as_json else "\n".join(map(inert, text.split("\n")))
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(safe.encode(errors="replace"))
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def to_stderr(text: str) -> None:
    """Write a line to stderr. It is discarded if stderr cannot be written."""
    try:
        sys.stderr.write(f"{inert(text)}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def give_up_stdout(error: OSError) -> None:
    """Discard all further output to stdout. A closed pipe is no error.

    Raises:
        Unavailable: the error is not a closed pipe, for example a full disk.
    """
    _discard(sys.stdout)
    if not isinstance(error, BrokenPipeError):
        raise Unavailable(f"stdout: cannot be written: {error.strerror}") from error


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # otherwise Python fails to flush at exit


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(char) or ascii(char)[1:-1] for char in text), error.end
