"""Servers that behave as the documentation of GitHub and GitLab describes: pages, authors, limits of the rate."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.receiver import Received, Response


@dataclass
class FakeGitHub:
    """https://docs.github.com/rest/issues/comments, for one repository and its pull request 7."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    user: str | None = None
    """The token's login; None for the token of an app, which may not read its user."""
    limits: list[Response] = field(default_factory=list)
    """Answers that are given first, one for each request."""

    def __call__(self, request: Received) -> Response:  # noqa: PLR0911  # one answer for each case of the documentation
        if self.limits:
            return self.limits.pop(0)
        if request.headers.get("authorization") != "Bearer good":
            return Response(401, {"message": "Bad credentials"})
        url = urlsplit(request.path)
        if url.path == "/user":
            denied = Response(403, {"message": "Resource not accessible by integration"})
            return Response(200, {"login": self.user, "type": "User"}) if self.user else denied
        match = re.fullmatch(r"/repos/acme/shop/issues/(?:7/comments|comments/(\d+))", unquote(url.path))
        if not match:
            return Response(404, {"message": "Not Found"})
        if request.method == "GET":
            query = parse_qs(url.query)
            size, page = min(int(query["per_page"][0]), 100), int(query["page"][0])
            return Response(200, self.comments[(page - 1) * size : page * size])
        body = request.json["body"]
        if len(body) > 65_536:
            return Response(422, {"message": "Body is too long (maximum is 65536 characters)"})
        if request.method == "POST":
            return Response(201, self.add(body))
        (found,) = (one for one in self.comments if one["id"] == int(match[1]))
        found["body"] = body
        return Response(200, found)

    def add(self, body: str, *, login: str | None = None, kind: str | None = None) -> dict[str, Any]:
        number = len(self.comments) + 1
        user = {"login": login or self.user or "github-actions[bot]", "type": kind or ("User" if self.user else "Bot")}
        url = f"https://github.com/acme/shop/pull/7#issuecomment-{number}"
        self.comments.append({"id": number, "body": body, "user": user, "html_url": url})
        return self.comments[-1]


@dataclass
class FakeGitLab:
    """https://docs.gitlab.com/api/notes/, for one project and its merge request 7."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    limits: list[Response] = field(default_factory=list)

    def __call__(self, request: Received) -> Response:  # noqa: PLR0911  # one answer for each case of the documentation
        if self.limits:
            return self.limits.pop(0)
        if request.headers.get("private-token") != "good":
            return Response(401, {"message": "401 Unauthorized"})
        url = urlsplit(request.path)
        if url.path == "/api/v4/user":
            return Response(200, {"id": 5, "username": "project_1_bot"})
        match = re.fullmatch(r"/api/v4/projects/acme%2Fshop/merge_requests/7/notes(?:/(\d+))?", url.path)
        if not match:
            return Response(404, {"message": "404 Not found"})
        if request.method == "GET":
            query = parse_qs(url.query)
            size, page = min(int(query["per_page"][0]), 100), int(query["page"][0])
            found = self.notes[(page - 1) * size : page * size]
            more = len(self.notes) > page * size
            return Response(200, found, {"x-next-page": str(page + 1) if more else ""})
        if request.method == "POST":
            return Response(201, self.add(request.json["body"]))
        (note,) = (one for one in self.notes if one["id"] == int(match[1]))
        note["body"] = request.json["body"]
        return Response(200, note)

    def add(self, body: str, *, author: int = 5, system: bool = False) -> dict[str, Any]:
        self.notes.append({"id": len(self.notes) + 1, "body": body, "author": {"id": author}, "system": system})
        return self.notes[-1]
