"""What a CI service says about the build in hand, so that a pipeline need not repeat it.

A working copy's own HEAD is not asked: what is tested is what is deployed, and a checkout beside it proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """The commit and branch under test and who started the run, as far as the environment tells."""

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
    """The first that is set counts: a pull request's own branch comes before the merge reference."""


_SERVICES = (
    _Service("codebuild", "CODEBUILD_BUILD_ID", "CODEBUILD_RESOLVED_SOURCE_VERSION", ("CODEBUILD_WEBHOOK_HEAD_REF",)),
    _Service("github", "GITHUB_ACTIONS", "GITHUB_SHA", ("GITHUB_HEAD_REF", "GITHUB_REF_NAME")),
    _Service("gitlab", "GITLAB_CI", "CI_COMMIT_SHA", ("CI_COMMIT_REF_NAME",)),
    _Service("buildkite", "BUILDKITE", "BUILDKITE_COMMIT", ("BUILDKITE_BRANCH",)),
    _Service("circleci", "CIRCLECI", "CIRCLE_SHA1", ("CIRCLE_BRANCH",)),
    _Service("jenkins", "JENKINS_URL", "GIT_COMMIT", ("BRANCH_NAME", "GIT_BRANCH")),
)


def build(environ: Mapping[str, str]) -> Build:
    """The build of the first CI service that the environment knows; outside of CI a run is started by hand."""
    for service in _SERVICES:
        if environ.get(service.marker):
            branch = next((environ[name] for name in service.branches if environ.get(name)), None)
            return Build(
                service.trigger,
                environ.get(service.commit) or None,
                branch.removeprefix("refs/heads/") if branch else None,
            )
    return Build("manual")
