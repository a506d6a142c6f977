"""The forge and the pull request, from options and from the environment of CI services."""

import json
from pathlib import Path

import pytest

from testfleet.comment.github import GitHub
from testfleet.comment.place import Place, find, opened
from testfleet.comment.post import marker
from testfleet.errors import BadSetting, Refused

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_REF": "refs/pull/7/merge"}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_ID": "12",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_API_V4_URL": "https://git.x/api/v4",
}
CODEBUILD = {"CODEBUILD_BUILD_ID": "b", "CODEBUILD_WEBHOOK_TRIGGER": "pr/7"}
CODECOMMIT = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (GITHUB, Place("github", "acme/shop", "7", "https://api.github.com")),
        (
            GITHUB | {"GITHUB_API_URL": "https://ghe.x/api/v3"},
            Place("github", "acme/shop", "7", "https://ghe.x/api/v3"),
        ),
        (GITLAB, Place("gitlab", "12", "7", "https://git.x/api/v4")),
        (CODEBUILD | {"CODEBUILD_SOURCE_REPO_URL": CODECOMMIT}, Place("codecommit", "shop", "7")),
        (
            CODEBUILD | {"CODEBUILD_SOURCE_REPO_URL": "https://github.com/acme/shop.git"},
            Place("github", "acme/shop", "7", "https://api.github.com"),
        ),
    ],
)
def test_the_environment_of_a_ci_service_names_the_pull_request(environ: dict[str, str], expected: Place) -> None:
    assert find(environ) == expected


@pytest.mark.parametrize(
    "event", [{"pull_request": {"number": 7}}, {"workflow_run": {"pull_requests": [{"number": 7}, {"number": 8}]}}]
)
def test_the_event_of_github_names_the_pull_request_where_the_reference_does_not(
    tmp_path: Path, event: dict[str, object]
) -> None:
    """`pull_request_target` and `workflow_run` run on the default branch."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    environ = GITHUB | {"GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": str(path)}
    assert find(environ).number == "7"


def test_an_option_comes_before_the_environment() -> None:
    assert find(GITHUB, forge="gitlab", repository="a/b", pull_request="9") == Place(
        "gitlab", "a/b", "9", "https://gitlab.com/api/v4"
    )


@pytest.mark.parametrize(
    ("environ", "options", "line"),
    [
        ({}, {}, "--forge: is required outside of GitHub Actions, GitLab CI and CodeBuild"),
        ({"GITHUB_ACTIONS": "true"}, {}, "--repository: is required: the environment does not name it"),
        (
            GITHUB | {"GITHUB_REF": "refs/heads/main"},
            {},
            "--pull-request: is required: this build is not of a pull request",
        ),
        (GITHUB | {"GITHUB_EVENT_PATH": "/no/such"} | {"GITHUB_REF": "x"}, {}, "--pull-request: is required"),
        (GITHUB, {"pull_request": "7/../../x"}, "--pull-request: '7/../../x': must be a number"),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], options: dict[str, str], line: str) -> None:
    with pytest.raises(Refused) as caught:
        find(environ, **options)  # type: ignore[arg-type]  # only texts
    assert str(caught.value).startswith(line)


def test_a_missing_token_is_a_missing_setting() -> None:
    with pytest.raises(BadSetting, match=r"^GITLAB_TOKEN: is required"):
        opened(find(GITLAB), GITLAB)


def test_the_token_of_the_pipeline_is_used() -> None:
    forge = opened(find(GITHUB), GITHUB | {"GITHUB_TOKEN": "t"})
    assert isinstance(forge, GitHub)
    assert forge.api.headers["authorization"] == "Bearer t"


def test_the_marker_hides_any_key() -> None:
    """The key of a suite may contain the end of a comment."""
    assert marker("--> <b>") != marker("-->")
    assert marker("--> <b>").count("-->") == 1
