"""Reads commit and branch from the environment of a CI service.

Outside of CI, the HEAD of a local checkout is not read: it need not be the version that is deployed and tested.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """The trigger of a run, and the commit and branch under test if the environment names them."""

    trigger: str
    commit: str | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class _Service:
    trigger: str
    marker: str
    """A variable that only this service sets."""
    commit: str
    branches: tuple[str, ...]
    """Variables in order of precedence: the branch of a pull request comes before the merge reference."""


_SERVICES = (
    _Service("codebuild", "CODEBUILD_BUILD_ID", "CODEBUILD_RESOLVED_SOURCE_VERSION", ("CODEBUILD_WEBHOOK_HEAD_REF",)),
    _Service("github", "GITHUB_ACTIONS", "GITHUB_SHA", ("GITHUB_HEAD_REF", "GITHUB_REF_NAME")),
    _Service("gitlab", "GITLAB_CI", "CI_COMMIT_SHA", ("CI_COMMIT_REF_NAME",)),
    _Service("buildkite", "BUILDKITE", "BUILDKITE_COMMIT", ("BUILDKITE_BRANCH",)),
    _Service("circleci", "CIRCLECI", "CIRCLE_SHA1", ("CIRCLE_BRANCH",)),
    _Service("jenkins", "JENKINS_URL", "GIT_COMMIT", ("BRANCH_NAME", "GIT_BRANCH")),
)


def build(environ: Mapping[str, str]) -> Build:
    """Return the build of the CI service that the environment belongs to. Outside of CI, the trigger is `manual`."""
    for service in _SERVICES:
        if environ.get(service.marker):
            branch = next((environ[name] for name in service.branches if environ.get(name)), None)
            return Build(
                service.trigger,
                environ.get(service.commit) or None,
                branch.removeprefix("refs/heads/") if branch else None,
            )
    return Build("manual")
