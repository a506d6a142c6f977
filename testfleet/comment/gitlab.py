"""Notes of GitLab's merge requests: https://docs.gitlab.com/api/notes/."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from testfleet.comment.api import Api
from testfleet.comment.forge import Comment
from testfleet.errors import BadSetting, Refused

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class GitLab:
    """One merge request. `project` is its id or its path."""

    api: Api
    project: str
    number: str
    limit: ClassVar[int] = 65_536
    """GitLab allows a million characters. One comment should stay readable."""

    @classmethod
    def at(cls, url: str, token: str, token_name: str, project: str, number: str) -> "GitLab":
        """Return the merge request of the API at `url`, such as https://gitlab.com/api/v4.

        GitLab refuses CI_JOB_TOKEN for notes unless the project allows it; it has a header of its own.
        """
        header = "job-token" if token_name == "CI_JOB_TOKEN" else "private-token"  # noqa: S105  # names, no secrets
        return cls(Api("GitLab", url.rstrip("/"), {header: token}, token_name), project, number)

    def comments(self) -> Iterator[Comment]:
        """Yield the notes of people and programs, page by page. Notes of GitLab itself are left out."""
        page = "1"
        while page:
            found, answer = self.api.call(
                "GET", f"{self._notes}?per_page={PER_PAGE}&page={page}&sort=asc&order_by=created_at"
            )
            for one in found:
                if not one.get("system"):
                    author = one.get("author") or {}
                    yield Comment(str(one["id"]), one.get("body") or "", str(author.get("id")))
            page = answer.headers.get("x-next-page", "")

    def owns(self, comment: Comment) -> bool:
        """Return whether the token's user wrote the note. A job's token cannot read its user: True."""
        try:
            user, _ = self.api.call("GET", "/user")
        except (Refused, BadSetting):
            return True
        return str(user["id"]) == comment.author

    def add(self, body: str) -> str:
        """Add a note and return its id: GitLab returns no address of it."""
        made, _ = self.api.call("POST", self._notes, {"body": body})
        return str(made["id"])

    def update(self, comment: Comment, body: str) -> str:
        """Replace the body of a note and return its id."""
        made, _ = self.api.call("PUT", f"{self._notes}/{comment.id}", {"body": body})
        return str(made["id"])

    @property
    def _notes(self) -> str:
        return f"/projects/{quote(self.project, safe='')}/merge_requests/{quote(self.number, safe='')}/notes"
