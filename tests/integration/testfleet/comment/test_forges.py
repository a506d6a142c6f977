"""The comment on servers that behave as the forges' documentation describes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from testfleet.comment.codecommit import CodeCommit
from testfleet.comment.github import GitHub
from testfleet.comment.gitlab import GitLab
from testfleet.comment.post import Posted, marker, post
from testfleet.errors import BadSetting, CommandError, Refused, Unavailable
from tests.support.forges import FakeGitHub, FakeGitLab
from tests.support.receiver import Receiver, Response, receiving

ADDRESS = "https://github.com/acme/shop/pull/7#issuecomment-"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def github(server: Receiver, slept: list[float]) -> Callable[..., GitHub]:
    def of(fake: FakeGitHub, *, token: str = "good", number: str = "7") -> GitHub:
        server.answer = fake
        forge = GitHub.at(server.url, token, "GITHUB_TOKEN", "acme/shop", number)
        forge.api.sleep = slept.append
        return forge

    return of


@pytest.fixture
def gitlab(server: Receiver, slept: list[float]) -> Callable[..., GitLab]:
    def of(fake: FakeGitLab, *, token: str = "good", number: str = "7") -> GitLab:
        server.answer = fake
        forge = GitLab.at(f"{server.url}/api/v4", token, "GITLAB_TOKEN", "acme/shop", number)
        forge.api.sleep = slept.append
        return forge

    return of


def test_a_second_run_updates_the_comment_of_the_first_on_github(github: Any) -> None:
    fake = FakeGitHub()
    assert post(github(fake), "shop", "one") == Posted("added", f"{ADDRESS}1")
    assert post(github(fake), "shop", "two") == Posted("updated", f"{ADDRESS}1")
    assert post(github(fake), "shop", "two") == Posted("unchanged", "1")
    assert [one["body"] for one in fake.comments] == [f"{marker('shop')}\ntwo"]


def test_each_suite_has_a_comment_of_its_own(github: Any) -> None:
    fake = FakeGitHub()
    for suite in ("shop", "load", "shop"):
        post(github(fake), suite, "text")
    assert len(fake.comments) == 2


def test_the_comment_is_found_on_a_later_page_of_github(github: Any, server: Receiver) -> None:
    fake = FakeGitHub()
    for number in range(230):
        fake.add(f"{number}")
    fake.add(f"{marker('shop')}\none")
    fake.add("last")
    assert post(github(fake), "shop", "two") == Posted("updated", f"{ADDRESS}231")
    assert [one.path.rpartition("?")[2] for one in server.requests[:3]] == [
        f"per_page=100&page={page}" for page in (1, 2, 3)
    ]
    assert len(fake.comments) == 232


@pytest.mark.parametrize("user", [None, "ci-bot"])
def test_a_comment_of_another_author_is_never_changed(github: Any, user: str | None) -> None:
    """Anybody can copy the hidden marker from the source of a comment."""
    fake = FakeGitHub(user=user)
    fake.add(f"{marker('shop')}\nplanted", login="eve", kind="User")
    assert post(github(fake), "shop", "one").action == "added"
    assert post(github(fake), "shop", "two").action == "updated"
    assert [one["body"].splitlines()[1] for one in fake.comments] == ["planted", "two"]


def test_a_quoted_marker_is_no_comment_of_ours(github: Any) -> None:
    fake = FakeGitHub()
    fake.add(f"> {marker('shop')}\n> one")
    assert post(github(fake), "shop", "one").action == "added"


@pytest.mark.parametrize(
    ("limit", "delay"),
    [
        (Response(403, {"message": "You have exceeded a secondary rate limit"}, {"retry-after": "7"}), 7),
        (Response(429, {}, {"retry-after": "9"}), 9),
        (Response(429, {}), 60),
    ],
)
def test_a_limit_of_the_rate_is_waited_for(github: Any, slept: list[float], limit: Response, delay: float) -> None:
    """A write that was limited was not executed, so that it may be repeated."""
    fake = FakeGitHub()
    fake.limits = [limit]
    assert post(github(fake), "shop", "one").action == "added"
    assert slept == [delay]
    forge = github(fake)
    fake.limits = [limit]
    forge.add("x")
    assert len(fake.comments) == 2


def test_the_primary_limit_of_github_ends_at_its_reset(github: Any, slept: list[float]) -> None:
    reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 20)}
    fake = FakeGitHub(limits=[Response(403, {"message": "API rate limit exceeded"}, reset)])
    post(github(fake), "shop", "one")
    assert 15 < slept[0] <= 22


def test_a_long_limit_ends_the_command(github: Any, slept: list[float]) -> None:
    fake = FakeGitHub(limits=[Response(429, {"message": "slow"}, {"retry-after": "3600"})])
    with pytest.raises(Unavailable, match=r"^GitHub: limits the rate of requests: slow; try again later$"):
        post(github(fake), "shop", "one")
    assert slept == []


def test_a_read_that_fails_is_repeated_and_a_write_is_not(github: Any, slept: list[float]) -> None:
    """A write that failed may have been executed: a second one could add a second comment."""
    fake = FakeGitHub(limits=[Response(502, b"<html>")])
    forge = github(fake)
    assert post(forge, "shop", "one").action == "added"
    assert slept == [2]
    fake.limits = [Response(502, b"<html>")]
    with pytest.raises(Unavailable, match=r"^GitHub: status 502$"):
        forge.add("x")


@pytest.mark.parametrize(
    ("options", "limits", "error", "line"),
    [
        ({"token": "bad"}, [], BadSetting, "GITHUB_TOKEN: GitHub does not accept the token: Bad credentials"),
        ({"number": "8"}, [], Refused, "GitHub: no such repository or pull request, or the token may not read it: "),
        ({}, [Response(403, {"message": "No"})], Refused, "GITHUB_TOKEN: the token may not write comments here: No"),
        ({}, [Response(301, b"", {"location": "https://e.vil/"})], Refused, "GitHub: has moved (status 301)"),
        ({}, [Response(200, b"<html>")], Unavailable, "GitHub: answered with something that is no JSON"),
    ],
)
def test_a_refusal_is_one_line_that_names_what_to_change(
    github: Any, options: dict[str, str], limits: list[Response], error: type[CommandError], line: str
) -> None:
    fake = FakeGitHub(limits=limits)
    with pytest.raises(error) as caught:
        post(github(fake, **options), "shop", "one")
    assert str(caught.value).startswith(line)


def test_a_token_goes_only_to_its_own_forge(github: Any, server: Receiver) -> None:
    """A redirect is not followed."""
    fake = FakeGitHub(limits=[Response(307, b"", {"location": f"{server.url}/elsewhere"})])
    with pytest.raises(Refused):
        post(github(fake), "shop", "one")
    assert len(server.requests) == 1


def test_a_second_run_updates_the_note_of_the_first_on_gitlab(gitlab: Any) -> None:
    fake = FakeGitLab()
    for number in range(150):
        fake.add(f"{number}", author=9)
    fake.add(f"{marker('shop')}\nplanted", author=9)
    assert post(gitlab(fake), "shop", "one") == Posted("added", "152")
    assert post(gitlab(fake), "shop", "two") == Posted("updated", "152")
    assert post(gitlab(fake), "shop", "two") == Posted("unchanged", "152")
    assert fake.notes[-1]["body"] == f"{marker('shop')}\ntwo"


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"token": "bad"}, BadSetting, "GITLAB_TOKEN: GitLab does not accept the token: 401 Unauthorized"),
        ({"number": "8"}, Refused, "GitLab: no such repository or pull request, or the token may not read it"),
    ],
)
def test_a_refusal_of_gitlab_is_one_line(gitlab: Any, options: Any, error: type[CommandError], line: str) -> None:
    with pytest.raises(error) as caught:
        post(gitlab(FakeGitLab(), **options), "shop", "one")
    assert str(caught.value).startswith(line)


def test_gitlab_limits_the_rate_with_429(gitlab: Any, slept: list[float]) -> None:
    fake = FakeGitLab(limits=[Response(429, b"Retry later\n", {"retry-after": "3"})])
    assert post(gitlab(fake), "shop", "one").action == "added"
    assert slept == [3]


def _answering(server: Receiver, answers: dict[str, Any]) -> list[tuple[str, Any]]:
    """Let the server answer as CodeCommit's JSON protocol does; return the list of its calls."""
    calls: list[tuple[str, Any]] = []

    def answer(request: Any) -> Response:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        calls.append((operation, request.json))
        found = answers[operation]
        return found(request.json) if callable(found) else Response(200, found)

    server.answer = answer
    return calls


@pytest.fixture
def codecommit(server: Receiver) -> CodeCommit:
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-central-1")
    return CodeCommit(session.client("codecommit", endpoint_url=server.url), "shop", "7")


TARGET = {"repositoryName": "shop", "destinationCommit": "b" * 40, "sourceCommit": "a" * 40}


def _pages(*comments: dict[str, Any]) -> Callable[[Any], Response]:
    def answer(request: dict[str, Any]) -> Response:
        number = int(request.get("nextToken", 0))
        page = {"commentsForPullRequestData": [{"comments": [comments[number]]}]} if comments else {}
        more = {"nextToken": str(number + 1)} if number + 1 < len(comments) else {}
        return Response(200, {"commentsForPullRequestData": [], **page, **more})

    return answer


def test_a_comment_is_added_to_the_newest_state_on_codecommit(server: Receiver, codecommit: CodeCommit) -> None:
    calls = _answering(server, {
        "GetCommentsForPullRequest": _pages({"commentId": "c1", "content": "x"}, {"commentId": "c2", "deleted": True}),
        "GetPullRequest": {"pullRequest": {"pullRequestTargets": [TARGET]}},
        "PostCommentForPullRequest": {"comment": {"commentId": "c3"}},
    })  # fmt: skip
    assert post(codecommit, "shop", "one") == Posted("added", "c3")
    assert [name for name, _ in calls[:2]] == ["GetCommentsForPullRequest"] * 2
    body = calls[-1][1]
    assert (body["beforeCommitId"], body["afterCommitId"]) == ("b" * 40, "a" * 40)
    assert body["content"] == f"{marker('shop')}\none"


def test_a_comment_is_updated_on_codecommit_unless_it_is_another_authors(
    server: Receiver, codecommit: CodeCommit
) -> None:
    def update(request: dict[str, Any]) -> Response:
        if request["commentId"] == "planted":
            return Response(400, {"__type": "CommentNotCreatedByCallerException", "message": "no"})
        return Response(200, {"comment": {"commentId": request["commentId"]}})

    ours = {"commentId": "c2", "content": f"{marker('shop')}\none"}
    calls = _answering(server, {
        "GetCommentsForPullRequest": _pages({"commentId": "planted", "content": f"{marker('shop')}\nx"}, ours),
        "UpdateComment": update,
    })  # fmt: skip
    assert post(codecommit, "shop", "two") == Posted("updated", "c2")
    assert calls[-1] == ("UpdateComment", {"commentId": "c2", "content": f"{marker('shop')}\ntwo"})


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("PullRequestDoesNotExistException", Refused),
        ("AccessDeniedException", Refused),
        ("ThrottlingException", Unavailable),
    ],
)
def test_an_error_of_codecommit_is_one_line(
    server: Receiver, codecommit: CodeCommit, code: str, error: type[CommandError]
) -> None:
    _answering(server, {"GetCommentsForPullRequest": lambda _: Response(400, {"__type": code, "message": "why"})})
    with pytest.raises(error, match=rf"^CodeCommit: .*{code}.*why$"):
        post(codecommit, "shop", "one")
