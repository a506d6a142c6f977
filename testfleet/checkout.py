"""Reads a commit from the git checkout of a pipeline, if there is one. A failure never ends a command."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

GIT_SECONDS = 5
"""Maximum time for git, which reads one object."""

_HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_AUTHOR = re.compile(r"^author (.*?) ?<[^>]*> ", re.MULTILINE)
_EMAIL = re.compile(r"\s*<[^>]*>\s*$")


@dataclass(frozen=True, slots=True)
class Commit:
    """The first parent of a commit, and its author's name. The e-mail address is left out: it is personal data."""

    parent: str | None
    author: str | None


def read(commit: str | None, folder: Path) -> Commit | None:
    """Return the commit of the checkout in `folder`. None if git, the checkout or the commit is missing.

    The object itself names its parents, even if a shallow clone does not hold them.
    """
    git = shutil.which("git")
    if git is None or commit is None or not _HASH.fullmatch(commit):
        return None
    try:
        done = subprocess.run(
            [git, "-C", str(folder), "cat-file", "commit", commit],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=GIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse(done.stdout.decode(errors="replace"))


def parse(text: str) -> Commit:
    """Return the facts of a commit object: header lines, an empty line, the message."""
    header = text.partition("\n\n")[0] + "\n"
    parent = re.search(r"^parent ([0-9a-f]+)$", header, re.MULTILINE)
    author = _AUTHOR.search(header)
    return Commit(parent[1] if parent else None, (author[1] or None) if author else None)


def name_of(author: str | None) -> str | None:
    """Return the name of `Name <e-mail>`, or None if there is no name."""
    return (_EMAIL.sub("", author) or None) if author else None
