"""Read the record of collected tests. The suite writes the file, so its content is untrusted."""

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
    """Return the record in the file, or None if the file is missing or invalid. An invalid file is logged.

    Call it within the sandbox, so that a link can't lead to a file that the suite may not read.
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
    """Return the first 4 KiB of the file, or nothing if it is no regular file. A longer file is no valid record."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MAX_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
