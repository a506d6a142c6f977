"""What a run tests and what started it, from the environment of a CI service."""

import pytest

from testfleet.checkout import Commit
from testfleet.ci import Build, build, with_commit


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Build("manual")),
        ({"GITHUB_SHA": "abc"}, Build("manual")),
        (
            {
                "CODEBUILD_BUILD_ID": "b:1",
                "CODEBUILD_RESOLVED_SOURCE_VERSION": "abc",
                "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/feature/x",
                "CODEBUILD_WEBHOOK_TRIGGER": "pr/42",
                "CODEBUILD_BUILD_URL": "https://eu-west-1.console.aws.amazon.com/b",
                "CODEBUILD_PUBLIC_BUILD_URL": "https://public",
            },
            Build(
                "codebuild", "abc", "feature/x", pull_request="42", ci_url="https://eu-west-1.console.aws.amazon.com/b"
            ),
        ),
        ({"CODEBUILD_BUILD_ID": "b:1", "CODEBUILD_WEBHOOK_TRIGGER": "branch/pr/7"}, Build("codebuild")),
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_SHA": "abc",
                "GITHUB_HEAD_REF": "",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_REF_NAME": "main",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "acme/shop",
                "GITHUB_RUN_ID": "99",
                "GITHUB_ACTOR": "ada",
            },
            Build("github", "abc", "main", author="ada", ci_url="https://github.com/acme/shop/actions/runs/99"),
        ),
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_SHA": "abc",
                "GITHUB_HEAD_REF": "fix",
                "GITHUB_REF": "refs/pull/7/merge",
                "GITHUB_REF_NAME": "7/merge",
            },
            Build("github", "abc", "fix", pull_request="7"),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_COMMIT_SHA": "a",
                "CI_COMMIT_REF_NAME": "b",
                "CI_COMMIT_AUTHOR": "Ada Lovelace <ada@example.com>",
                "CI_MERGE_REQUEST_IID": "3",
                "CI_JOB_URL": "https://gitlab.com/j/1",
                "CI_ENVIRONMENT_NAME": "staging",
            },
            Build(
                "gitlab",
                "a",
                "b",
                pull_request="3",
                author="Ada Lovelace",
                ci_url="https://gitlab.com/j/1",
                environment="staging",
            ),
        ),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_COMMIT": "a",
                "BUILDKITE_BRANCH": "b",
                "BUILDKITE_PULL_REQUEST": "false",
                "BUILDKITE_BUILD_AUTHOR": "",
                "BUILDKITE_BUILD_CREATOR": "Ada",
                "BUILDKITE_BUILD_URL": "https://buildkite.com/b",
            },
            Build("buildkite", "a", "b", author="Ada", ci_url="https://buildkite.com/b"),
        ),
        ({"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "12"}, Build("buildkite", pull_request="12")),
        (
            {
                "CIRCLECI": "true",
                "CIRCLE_SHA1": "a",
                "CIRCLE_BRANCH": "b",
                "CIRCLE_PULL_REQUEST": "https://github.com/acme/shop/pull/8",
                "CIRCLE_BUILD_URL": "https://circleci.com/b",
                "CIRCLE_USERNAME": "ada",
            },
            Build("circleci", "a", "b", pull_request="8", author="ada", ci_url="https://circleci.com/b"),
        ),
        ({"JENKINS_URL": "http://x", "GIT_COMMIT": "a", "GIT_BRANCH": "origin/b"}, Build("jenkins", "a", "origin/b")),
        (
            {
                "JENKINS_URL": "http://x",
                "BRANCH_NAME": "PR-5",
                "CHANGE_BRANCH": "fix",
                "CHANGE_ID": "5",
                "CHANGE_AUTHOR": "ada",
                "BUILD_URL": "http://x/job/1",
            },
            Build("jenkins", branch="fix", pull_request="5", author="ada", ci_url="http://x/job/1"),
        ),
    ],
)
def test_the_fields_of_a_run_come_from_the_service(environ: dict[str, str], expected: Build) -> None:
    """A variable that other tools set, too, does not identify a service."""
    assert build(environ) == expected


def test_the_author_of_the_commit_replaces_the_login_of_the_service() -> None:
    """The login is that of the person who started the build."""
    found = Build("github", "abc", author="bot")
    assert with_commit(found, Commit("def", "Ada")) == Build("github", "abc", parent_commit="def", author="Ada")
    assert with_commit(found, Commit(None, None)) == found
    assert with_commit(found, None) == found
