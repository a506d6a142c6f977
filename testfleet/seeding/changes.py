"""Commits that break or slow down cases, and the commits that mend them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from testfleet.seeding import failures
from testfleet.seeding.failures import Cause
from testfleet.seeding.labels import Regression, Slowdown
from testfleet.seeding.repository import Repository
from testfleet.seeding.values import CaseSpec, Commit, Suite

BROKEN_MERGES = 0.06
"""Share of the merges that break cases of a suite on the default branch."""
BROKEN_PUSHES = 0.07
"""Share of the pushes to a pull request that break cases until the next push."""
_PARTIAL = 0.3
"""Share of the regressions of the default branch that fail in some runs only."""
_DAYS_PER_SLOWDOWN = 9.0


@dataclass(frozen=True, slots=True)
class Span:
    """The commits that have a change.

    On the default branch, these are the commits with an index from `first` until before `after`. The pull request that
    brings the change has it from its push `push` on. With `pull_request`, it is never merged, and only the pushes of
    this pull request from `push` until before `until_push` have it.
    """

    first: int
    after: int | None
    push: int = 1
    pull_request: int | None = None
    until_push: int | None = None

    def holds(self, commit: Commit) -> bool:
        """Return whether the commit has the change."""
        if self.pull_request is not None:
            before = self.until_push is None or commit.push < self.until_push
            return commit.pull_request == self.pull_request and commit.push >= self.push and before
        inherited = self.first <= commit.index and (self.after is None or commit.index < self.after)
        if commit.push == 0:
            return inherited
        if commit.merged_as is not None and commit.merged_as == self.after and commit.last_push:
            return False  # the push that mends it
        return inherited or (commit.merged_as == self.first and commit.push >= self.push)


@dataclass(frozen=True, slots=True)
class Break:
    """A regression, the text of its failures, and the commits that have it."""

    label: Regression
    cause: Cause
    span: Span


@dataclass(frozen=True, slots=True)
class Slow:
    """A slowdown and the commits that have it."""

    label: Slowdown
    span: Span


def draw_breaks(chance: random.Random, suites: Sequence[Suite], repository: Repository) -> tuple[Break, ...]:
    """Return the regressions, those of the default branch first."""
    drawn = [*_merged(chance, suites, repository), *_pushed(chance, suites, repository)]
    return tuple(drawn)


def draw_slows(chance: random.Random, suites: Sequence[Suite], repository: Repository, days: int) -> tuple[Slow, ...]:
    """Return the slowdowns, all of the default branch."""
    return tuple(_slows(chance, suites, repository, round(days / _DAYS_PER_SLOWDOWN)))


def _merged(chance: random.Random, suites: Sequence[Suite], repository: Repository) -> Iterator[Break]:
    for commit in repository.main[1:]:
        if chance.random() >= BROKEN_MERGES:
            continue
        suite = chance.choice(suites)
        names = _victims(chance, suite, commit)
        partial = chance.random() < _PARTIAL
        mended = _mended(chance, repository, commit, median_hours=70 if partial else 9)
        label = Regression(
            id=f"regression-{commit.index}",
            suite=suite.name,
            names=names,
            rate=round(chance.uniform(0.3, 0.7), 2) if partial else 1.0,
            branch=commit.branch,
            pull_request=None,
            broken_by=commit.sha,
            broken_at=commit.at,
            mended_by=mended.sha if mended else None,
            mended_at=mended.at if mended else None,
            author=commit.author,
        )
        if names:
            span = Span(commit.index, mended.index if mended else None, push=chance.choice((1, 1, 2)))
            yield Break(label, _cause(chance, suite), span)


def _pushed(chance: random.Random, suites: Sequence[Suite], repository: Repository) -> Iterator[Break]:
    following = {push.parent: push for push in repository.pushes if push.push > 1}
    for push in repository.pushes:
        if chance.random() >= BROKEN_PUSHES or (push.last_push and push.merged_as is not None):
            continue
        suite = chance.choice(suites)
        names = _victims(chance, suite, push)
        mended = following.get(push.sha)
        label = Regression(
            id=f"regression-{push.branch}-{push.push}",
            suite=suite.name,
            names=names,
            rate=1.0,
            branch=push.branch,
            pull_request=push.pull_request,
            broken_by=push.sha,
            broken_at=push.at,
            mended_by=mended.sha if mended else None,
            mended_at=mended.at if mended else None,
            author=push.author,
        )
        if names:
            until = mended.push if mended else None
            span = Span(push.index, None, push=push.push, pull_request=push.pull_request, until_push=until)
            yield Break(label, _cause(chance, suite), span)


def _slows(chance: random.Random, suites: Sequence[Suite], repository: Repository, count: int) -> Iterator[Slow]:
    timed = [suite for suite in suites if suite.tool != "k6"]
    for _ in range(count if timed and len(repository.main) > 1 else 0):
        commit, suite = chance.choice(repository.main[1:]), chance.choice(timed)
        existing = [spec.name for spec in _running(suite, commit)]
        whole = chance.random() < 0.3  # noqa: PLR2004  # a suite gets slower as a whole
        names = existing if whole else chance.sample(existing, k=min(len(existing), chance.choice((1, 1, 2, 4))))
        ended = _mended(chance, repository, commit, median_hours=240)
        label = Slowdown(
            id=f"slowdown-{commit.index}-{suite.name}",
            suite=suite.name,
            names=tuple(names),
            factor=round(chance.uniform(1.5, 3.5), 2),
            begun_by=commit.sha,
            begins=commit.at,
            ended_by=ended.sha if ended else None,
            ends=ended.at if ended else None,
        )
        if names:
            yield Slow(label, Span(commit.index, ended.index if ended else None))


def _running(suite: Suite, commit: Commit) -> list[CaseSpec]:
    return [spec for spec in suite.cases if spec.exists_in(commit.index) and not spec.skipped]


def _victims(chance: random.Random, suite: Suite, commit: Commit) -> tuple[str, ...]:
    """Return the names of the cases that a change breaks: one or a few, and rarely a large part of the suite."""
    running = _running(suite, commit)
    few = chance.choices((1, 2, 4, 0), (45, 30, 18, 7))[0]
    count = few or round(len(running) * chance.uniform(0.25, 0.6))
    return tuple(spec.name for spec in chance.sample(running, k=min(count, len(running))))


def _mended(chance: random.Random, repository: Repository, broken: Commit, *, median_hours: float) -> Commit | None:
    """Return the later commit of the default branch that mends it, or None if the history ends before."""
    at: datetime = broken.at + timedelta(hours=median_hours * chance.lognormvariate(0, 0.9))
    return next((commit for commit in repository.main[broken.index + 1 :] if commit.at >= at), None)


def _cause(chance: random.Random, suite: Suite) -> Cause:
    kind: failures.Kind = "assertion" if chance.random() < 0.8 else "timing"  # noqa: PLR2004  # most break a value
    return failures.draw(chance, suite.tool, kind, varied=chance.random() < 0.3)  # noqa: PLR2004
