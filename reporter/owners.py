"""The owner of a file: by the patterns of the catalog, then by CODEOWNERS. The rest belongs to the suite's owner."""

import posixpath
import re
from collections.abc import Mapping
from typing import Self

import structlog
from codeowners import CodeOwners

from handoff.records import Owners
from runtime.text import storable

MAX_OWNER = 200
"""Longest stored owner in characters. A pattern may have several owners."""

_log = structlog.get_logger()


class FileOwners:
    """The owners of a suite's files."""

    def __init__(self, suite: str | None, patterns: Mapping[str, str], codeowners: str, folder: str) -> None:
        self.suite = suite
        self._names = list(patterns.values())
        # The library reads owners with an @ only: the number of the pattern stands for its owner.
        lines = (f"{pattern.replace(' ', chr(92) + ' ')} @{number}" for number, pattern in enumerate(patterns))
        self._patterns = _parsed("\n".join(lines))
        self._codeowners = _parsed(codeowners)
        self._folder = folder

    @classmethod
    def of(cls, owners: Owners) -> Self:
        return cls(owners.suite, owners.patterns, owners.codeowners, owners.folder)

    def owner(self, file: str) -> str | None:
        """Return the owner of a file as a report names it, relative to the suite's folder; None if it has none.

        The last matching line decides, as in GitHub. A line without owners takes them away.
        """
        inside = posixpath.normpath(file.replace("\\", "/").lstrip("/"))
        if self._patterns and (matched := self._patterns.of(inside)):
            return self._names[int(matched[0][1].removeprefix("@"))]
        if self._codeowners:
            names = " ".join(name for _, name in self._codeowners.of(posixpath.normpath(f"{self._folder}/{inside}")))
            return storable(names)[:MAX_OWNER] or None
        return None


def _parsed(text: str) -> CodeOwners | None:
    """Return the parsed lines. GitHub's sections and comments at the end of a line are left out."""
    kept = re.sub(r"(?m)\s#.*$", "", text)
    try:
        return CodeOwners(kept) if kept.strip() else None
    except (ValueError, re.error) as error:  # a pattern that is no valid expression
        _log.warning("codeowners_ignored", detail=str(error))
        return None
