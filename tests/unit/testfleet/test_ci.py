"""Commit and branch from the environment of a CI service."""

import pytest

from testfleet.ci import Build, build


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
            },
            Build("codebuild", "abc", "feature/x"),
        ),
        ({"CODEBUILD_BUILD_ID": "b:1"}, Build("codebuild")),
        (
            {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "abc", "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"},
            Build("github", "abc", "main"),
        ),
        (
            {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "abc", "GITHUB_HEAD_REF": "fix", "GITHUB_REF_NAME": "7/merge"},
            Build("github", "abc", "fix"),
        ),
        ({"GITLAB_CI": "true", "CI_COMMIT_SHA": "a", "CI_COMMIT_REF_NAME": "b"}, Build("gitlab", "a", "b")),
        ({"BUILDKITE": "true", "BUILDKITE_COMMIT": "a", "BUILDKITE_BRANCH": "b"}, Build("buildkite", "a", "b")),
        ({"CIRCLECI": "true", "CIRCLE_SHA1": "a", "CIRCLE_BRANCH": "b"}, Build("circleci", "a", "b")),
        ({"JENKINS_URL": "http://x", "GIT_COMMIT": "a", "GIT_BRANCH": "origin/b"}, Build("jenkins", "a", "origin/b")),
    ],
)
def test_commit_branch_and_trigger_come_from_the_service(environ: dict[str, str], expected: Build) -> None:
    """A variable that other tools set, too, does not identify a service."""
    assert build(environ) == expected
