"""The truth about a generated history: which faults it has, and which fault is behind each failure."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from testfleet.seeding.values import Run

Mechanism = Literal["rate", "time_of_day", "order", "environment"]


@dataclass(frozen=True, slots=True)
class Flaky:
    """A flaky case. It fails by chance, whatever the commit.

    `rate` is the probability that a try fails (`rate`, `time_of_day`, `environment`) or a run fails (`order`), where
    the condition of its mechanism holds.
    """

    id: str
    suite: str
    name: str
    mechanism: Mechanism
    rate: float
    begins: datetime
    ends: datetime | None
    hours: tuple[int, ...] = ()
    """`time_of_day`: the hours in UTC in which it fails."""
    environment: str | None = None
    """`environment`: where it fails."""

    def active(self, at: datetime) -> bool:
        """Return whether the case is flaky at this time."""
        return self.begins <= at and (self.ends is None or at < self.ends)


@dataclass(frozen=True, slots=True)
class Regression:
    """Cases that a commit broke. `rate` is the probability that a run fails: 1, or less for a partial regression."""

    id: str
    suite: str
    names: tuple[str, ...]
    rate: float
    branch: str
    pull_request: int | None
    broken_by: str
    broken_at: datetime
    mended_by: str | None
    mended_at: datetime | None
    author: str


@dataclass(frozen=True, slots=True)
class Slowdown:
    """Cases whose duration a commit multiplied by `factor`."""

    id: str
    suite: str
    names: tuple[str, ...]
    factor: float
    begun_by: str
    begins: datetime
    ended_by: str | None
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the platform (runs are errored) or a dependency of the tested system (cases fail) was down."""

    id: str
    kind: Literal["platform", "dependency"]
    suites: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    """`dependency`: suite and name of each case that needs it."""
    begins: datetime
    ends: datetime
    cause: str

    def active(self, at: datetime) -> bool:
        """Return whether it lasts at this time."""
        return self.begins <= at < self.ends


@dataclass(frozen=True, slots=True)
class BadCase:
    """A case that failed or passed on a retry, and the labels behind it. `glitch` is an isolated failure."""

    run_id: str
    name: str
    status: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of one history."""

    seed: int
    begins: datetime
    ends: datetime
    flaky: tuple[Flaky, ...]
    regressions: tuple[Regression, ...]
    slowdowns: tuple[Slowdown, ...]
    outages: tuple[Outage, ...]
    bad_cases: tuple[BadCase, ...]
    repeated: tuple[tuple[str, str], ...]
    """Each run that repeats another one, and that one."""
    incomplete: tuple[str, ...]
    """Runs that lost a shard."""


def bad_cases(runs: Iterable[Run]) -> tuple[BadCase, ...]:
    """Return each case that failed or needed a retry, in the order of the runs."""
    return tuple(
        BadCase(run.run_id, case.spec.name, case.status, case.because)
        for run in runs
        for case in run.cases
        if case.because
    )


def to_json(labels: Labels) -> str:
    """Return the labels as JSON. Times are in ISO 8601."""
    return json.dumps(asdict(labels), default=datetime.isoformat, ensure_ascii=False, indent=1) + "\n"
