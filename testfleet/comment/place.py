"""Chooses the forge and the pull request: from options, or else from the environment of the CI service."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from testfleet import ci, comment
from testfleet.comment.forge import Forge
from testfleet.errors import BadSetting, Refused

ForgeName = Literal["github", "gitlab", "codecommit"]


@dataclass(frozen=True, slots=True)
class Place:
    """A pull request of a forge. `url` is the forge's API."""

    forge: ForgeName
    repository: str
    number: str
    url: str = ""


def find(
    environ: Mapping[str, str],
    *,
    forge: ForgeName | None = None,
    repository: str | None = None,
    pull_request: str | None = None,
) -> Place:
    """Return the pull request of the options and of the environment. An option comes before a variable.

    Raises:
        Refused: the forge, the repository or the pull request is unknown; the error names the option.
    """
    name = forge or _forge(environ)
    if name is None:
        raise Refused("--forge: is required outside of GitHub Actions, GitLab CI and CodeBuild")
    repository = repository or _REPOSITORIES[name](environ)
    if not repository:
        raise Refused("--repository: is required: the environment does not name it")
    number = pull_request or ci.build(environ).pull_request or _of_event(environ)
    if not number:
        raise Refused("--pull-request: is required: this build is not of a pull request")
    if not number.isdecimal():
        raise Refused(f"--pull-request: {number!r}: must be a number")
    return Place(name, repository, number, _URLS[name](environ))


def opened(place: Place, environ: Mapping[str, str]) -> Forge:
    """Return the pull request, with the pipeline's own token.

    Raises:
        BadSetting: the token is not set; the error names its variable.
    """
    match place.forge:
        case "github":
            name, token = _token(environ, ("GITHUB_TOKEN", "GH_TOKEN"))
            return comment.github.GitHub.at(place.url, token, name, place.repository, place.number)
        case "gitlab":
            name, token = _token(environ, ("GITLAB_TOKEN", "CI_JOB_TOKEN"))
            return comment.gitlab.GitLab.at(place.url, token, name, place.repository, place.number)
        case "codecommit":
            return comment.codecommit.CodeCommit.of(place.repository, place.number)


def _forge(environ: Mapping[str, str]) -> ForgeName | None:
    if environ.get("GITHUB_ACTIONS"):
        return "github"
    if environ.get("GITLAB_CI"):
        return "gitlab"
    source = environ.get("CODEBUILD_SOURCE_REPO_URL", "")
    if "codecommit" in source:
        return "codecommit"
    return "github" if "github" in source else "gitlab" if "gitlab" in source else None


def _repository_of_url(environ: Mapping[str, str]) -> str:
    """Return `owner/name` of CodeBuild's source, such as https://github.com/owner/name.git."""
    return "/".join(environ.get("CODEBUILD_SOURCE_REPO_URL", "").removesuffix(".git").split("/")[3:])


_REPOSITORIES: Mapping[ForgeName, Callable[[Mapping[str, str]], str]] = {
    "github": lambda environ: environ.get("GITHUB_REPOSITORY") or _repository_of_url(environ),
    "gitlab": lambda environ: environ.get("CI_PROJECT_ID") or _repository_of_url(environ),
    "codecommit": lambda environ: environ.get("CODEBUILD_SOURCE_REPO_URL", "").rpartition("/")[2],
}
_URLS: Mapping[ForgeName, Callable[[Mapping[str, str]], str]] = {
    "github": lambda environ: environ.get("GITHUB_API_URL") or "https://api.github.com",
    "gitlab": lambda environ: environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4",
    "codecommit": lambda _: "",
}


def _of_event(environ: Mapping[str, str]) -> str | None:
    """Return the number in the event of GitHub Actions: `workflow_run` and `pull_request_target` have no reference."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        return None
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
        pulls = [event.get("pull_request") or {}, *(event.get("workflow_run") or {}).get("pull_requests", ())]
        return next((str(pull["number"]) for pull in pulls if "number" in pull), None)
    except (OSError, ValueError, AttributeError, TypeError):
        return None


def _token(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    for name in names:
        if environ.get(name):
            return name, environ[name]
    raise BadSetting(f"{names[0]}: is required: the pipeline's token, which may write comments")
