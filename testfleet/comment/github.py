"""Comments of GitHub. A pull request is an issue: https://docs.github.com/rest/issues/comments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from testfleet.comment.api import Api
from testfleet.comment.forge import Comment
from testfleet.errors import Refused

VERSION = "2022-11-28"
PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class GitHub:
    """One pull request. `repository` is `owner/name`."""

    api: Api
    repository: str
    number: str
    limit: ClassVar[int] = 65_536

    @classmethod
    def at(cls, url: str, token: str, token_name: str, repository: str, number: str) -> "GitHub":
        """Return the pull request of the API at `url`: https://api.github.com, or that of GitHub Enterprise."""
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": VERSION,
        }
        return cls(Api("GitHub", url.rstrip("/"), headers, token_name), repository, number)

    def comments(self) -> Iterator[Comment]:
        """Yield the comments page by page. GitHub gives each at most 100."""
        page = 1
        while True:
            found, _ = self.api.call("GET", f"{self._issue}/comments?per_page={PER_PAGE}&page={page}")
            for one in found:
                user = one.get("user") or {}
                yield Comment(str(one["id"]), one.get("body") or "", str(user.get("login")), user.get("type") == "Bot")
            if len(found) < PER_PAGE:
                return
            page += 1

    def owns(self, comment: Comment) -> bool:
        """Return whether the token's user wrote the comment.

        The token of a GitHub App, such as GITHUB_TOKEN, cannot read its user. Its comments are those of a bot.
        """
        try:
            user, _ = self.api.call("GET", "/user")
        except Refused:
            return comment.bot
        return bool(user["login"] == comment.author)

    def add(self, body: str) -> str:
        """Add a comment and return its address."""
        made, _ = self.api.call("POST", f"{self._issue}/comments", {"body": body})
        return str(made.get("html_url") or made["id"])

    def update(self, comment: Comment, body: str) -> str:
        """Replace the body of a comment and return its address."""
        path = f"/repos/{quote(self.repository)}/issues/comments/{comment.id}"
        made, _ = self.api.call("PATCH", path, {"body": body})
        return str(made.get("html_url") or made["id"])

    @property
    def _issue(self) -> str:
        return f"/repos/{quote(self.repository)}/issues/{quote(self.number, safe='')}"
