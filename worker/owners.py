"""Finds the CODEOWNERS file of a suite's checkout. The reporter reads the owners of the cases' files from it."""

import os
import stat
from pathlib import Path

import structlog

from handoff.records import Owners
from worker.catalog import Suite

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""GitHub's order of the places, then GitLab's own."""

MAX_BYTES = 256 * 1024

log = structlog.get_logger()


def of_suite(suite: Suite, catalog: Path) -> Owners | None:
    """Return the owners that the catalog and the nearest CODEOWNERS define, or None without any.

    The file is looked for in the suite's folder, and in each folder above it up to the catalog's. A file that can't be
    read is logged: owners are no reason to keep a suite from its run.
    """
    folder, text = _nearest(suite.path, catalog.parent.resolve())
    if not (text or suite.owner or suite.owners):
        return None
    inside = suite.path.relative_to(folder).as_posix() if folder else "."
    return Owners(suite=suite.owner, patterns=dict(suite.owners), codeowners=text, folder=inside)


def _nearest(path: Path, top: Path) -> tuple[Path | None, str]:
    for folder in (path, *path.parents):
        for place in PLACES:
            text = _content(folder / place)
            if text is not None:
                return folder, text
        if folder == top or (folder / ".git").exists():
            break
    return None, ""


def _content(file: Path) -> str | None:
    """Return the text of a regular file of at most 256 KiB, or None. No link is followed to another file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("codeowners_ignored", file=str(file), detail=str(error.strerror))
        return None
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        raw = opened.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        log.warning("codeowners_ignored", file=str(file), detail=f"must have at most {MAX_BYTES} bytes")
        return None
    return raw.decode(errors="replace")
