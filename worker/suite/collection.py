"""Reads the record of collected tests, a file that the suite writes and that is therefore untrusted."""

import os
import stat
from pathlib import Path

import structlog
from pydantic import ValidationError

from handoff.records import Collection
from runtime.errors import first_problem

MAX_BYTES = 4096

log = structlog.get_logger()


def read(file: Path) -> Collection | None:
    """The record in the file; None where there is none, or where it is no such record, which is logged.

    To be called within the sandbox: a link in the suite's folders must lead no further than the suite itself.
    """
    try:
        return Collection.model_validate_json(_content(file), strict=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        detail = str(error.strerror)
    except ValidationError as error:
        detail = str(first_problem(error))
    log.warning("collection_ignored", detail=f"collected.json: {detail}")
    return None


def _content(file: Path) -> bytes:
    """Return at most 4 KiB of the file, so that a longer one is no record; empty if it is no regular file."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MAX_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
