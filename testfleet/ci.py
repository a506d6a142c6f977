"""Reads what a run tests and what started it from the environment of a CI service.

Outside of CI, the HEAD of a local checkout is not read: it need not be the version that is deployed and tested.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from testfleet import checkout

Environ = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """The trigger of a run, and what the environment says about the code under test. A field is named as in a job."""

    trigger: str
    commit: str | None = None
    branch: str | None = None
    pull_request: str | None = None
    parent_commit: str | None = None
    author: str | None = None
    ci_url: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class _Service:
    """The variables of a CI service. Of several variables, the first one that is set counts."""

    trigger: str
    marker: str
    """A variable that only this service sets."""
    commit: tuple[str, ...]
    branches: tuple[str, ...]
    """The branch of a pull request comes before the merge reference."""
    pull_request: Callable[[Environ], str | None]
    authors: tuple[str, ...] = ()
    ci_url: Callable[[Environ], str | None] = lambda _: None
    environment: tuple[str, ...] = ()


def _variable(*names: str) -> Callable[[Environ], str | None]:
    return lambda environ: _first(environ, names)


def _part(variable: str, pattern: str) -> Callable[[Environ], str | None]:
    """Return a function that reads the group of `pattern` from a variable."""

    def read(environ: Environ) -> str | None:
        match = re.search(pattern, environ.get(variable, ""))
        return match[1] if match else None

    return read


def _github_url(environ: Environ) -> str | None:
    server, repository, run = (environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


# Each name is in the list of variables of the service's documentation, except for CODEBUILD_BUILD_URL: CodeBuild sets
# it, and documents only CODEBUILD_PUBLIC_BUILD_URL.
_SERVICES = (
    _Service(
        "codebuild",
        "CODEBUILD_BUILD_ID",
        commit=("CODEBUILD_RESOLVED_SOURCE_VERSION",),
        branches=("CODEBUILD_WEBHOOK_HEAD_REF",),
        pull_request=_part("CODEBUILD_WEBHOOK_TRIGGER", r"^pr/(\d+)$"),
        ci_url=_variable("CODEBUILD_BUILD_URL", "CODEBUILD_PUBLIC_BUILD_URL"),
    ),
    _Service(
        "github",
        "GITHUB_ACTIONS",
        commit=("GITHUB_SHA",),
        branches=("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
        pull_request=_part("GITHUB_REF", r"^refs/pull/(\d+)/"),
        authors=("GITHUB_ACTOR",),
        ci_url=_github_url,
    ),
    _Service(
        "gitlab",
        "GITLAB_CI",
        commit=("CI_COMMIT_SHA",),
        branches=("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
        pull_request=_variable("CI_MERGE_REQUEST_IID"),
        authors=("CI_COMMIT_AUTHOR",),
        ci_url=_variable("CI_JOB_URL", "CI_PIPELINE_URL"),
        environment=("CI_ENVIRONMENT_NAME",),
    ),
    _Service(
        "buildkite",
        "BUILDKITE",
        commit=("BUILDKITE_COMMIT",),
        branches=("BUILDKITE_BRANCH",),
        pull_request=_part("BUILDKITE_PULL_REQUEST", r"^(\d+)$"),  # "false" without one
        authors=("BUILDKITE_BUILD_AUTHOR", "BUILDKITE_BUILD_CREATOR"),
        ci_url=_variable("BUILDKITE_BUILD_URL"),
    ),
    _Service(
        "circleci",
        "CIRCLECI",
        commit=("CIRCLE_SHA1",),
        branches=("CIRCLE_BRANCH",),
        pull_request=_part("CIRCLE_PULL_REQUEST", r"/(\d+)$"),  # a URL
        authors=("CIRCLE_USERNAME",),
        ci_url=_variable("CIRCLE_BUILD_URL"),
    ),
    _Service(
        "jenkins",
        "JENKINS_URL",
        commit=("GIT_COMMIT",),
        branches=("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),  # BRANCH_NAME of a pull request is PR-42
        pull_request=_variable("CHANGE_ID"),
        authors=("CHANGE_AUTHOR_DISPLAY_NAME", "CHANGE_AUTHOR", "GIT_AUTHOR_NAME"),
        ci_url=_variable("BUILD_URL"),
    ),
)


def build(environ: Environ) -> Build:
    """Return the build of the CI service that the environment belongs to. Outside of CI, the trigger is `manual`."""
    for service in _SERVICES:
        if environ.get(service.marker):
            branch = _first(environ, service.branches)
            return Build(
                service.trigger,
                commit=_first(environ, service.commit),
                branch=branch.removeprefix("refs/heads/") if branch else None,
                pull_request=service.pull_request(environ),
                author=checkout.name_of(_first(environ, service.authors)),
                ci_url=service.ci_url(environ),
                environment=_first(environ, service.environment),
            )
    return Build("manual")


def with_commit(found: Build, commit: checkout.Commit | None) -> Build:
    """Return the build with the parent and the author of its commit. The author of a commit is better than a login."""
    if commit is None:
        return found
    return replace(found, parent_commit=commit.parent, author=commit.author or found.author)


def _first(environ: Environ, names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
