"""Writes the one comment of a suite on a pull request."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from testfleet.comment.forge import Forge, NotOwned


@dataclass(frozen=True, slots=True)
class Posted:
    """What was done, and the comment's address or id."""

    action: Literal["added", "updated", "unchanged"]
    where: str


def marker(key: str) -> str:
    """Return the hidden text by which the comment of this key is found. The key may be any text."""
    return f"<!-- testfleet:{hashlib.sha256(key.encode()).hexdigest()[:16]} -->"


def post(forge: Forge, key: str, text: str) -> Posted:
    """Update the comment that has the marker of the key, or add it. A comment with the same body is left alone.

    The comment begins with the marker. A comment of another author is never changed.

    Raises:
        Refused, BadSetting, Unavailable: as `Forge`.
    """
    mark = marker(key)
    body = f"{mark}\n{text}"
    for found in forge.comments():
        if not found.body.lstrip().startswith(mark) or not forge.owns(found):
            continue
        if found.body.replace("\r\n", "\n").strip() == body.strip():
            return Posted("unchanged", found.id)
        with suppress(NotOwned):
            return Posted("updated", forge.update(found, body))
    return Posted("added", forge.add(body))
