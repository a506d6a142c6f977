"""An element of a report as the parser keeps it."""

from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class Element:
    """A tag with its attributes, the head of its text and its kept children."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    left_out: int = 0
    """Bytes of UTF-8 of the text that are not kept."""
    children: list[Self] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """Return the attribute of that name, or None without one."""
        return self.attributes.get(name)
