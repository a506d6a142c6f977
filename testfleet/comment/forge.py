"""What a forge offers: list the comments of one pull request, add one, update one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from testfleet.errors import Refused


class NotOwned(Refused):
    """The comment belongs to another author, so that it cannot be updated."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of the pull request. `author` is a name or an id; `bot`: the forge knows it as a program."""

    id: str
    body: str
    author: str = ""
    bot: bool = False


class Forge(Protocol):
    """One pull request of a forge.

    Each method raises:
        Refused: the token may not do it, or the pull request does not exist.
        BadSetting: the token is wrong.
        Unavailable: the forge does not answer, or limits the rate for longer than this command waits.
    """

    limit: ClassVar[int]
    """Longest body of a comment, in characters."""

    def comments(self) -> Iterator[Comment]:
        """Yield the comments, the oldest first."""
        ...

    def owns(self, comment: Comment) -> bool:
        """Return whether the token's user wrote the comment: anybody can write the hidden marker."""
        ...

    def add(self, body: str) -> str:
        """Add a comment and return its address, or its id where the forge gives none."""
        ...

    def update(self, comment: Comment, body: str) -> str:
        """Replace the body of a comment and return its address or id.

        Raises:
            NotOwned: the comment is of another author.
        """
        ...
