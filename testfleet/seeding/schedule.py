"""Which commit is tested when: every night, after a push to the default branch, after a push to a pull request."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from testfleet.seeding.repository import Repository, working
from testfleet.seeding.values import Commit, Event, Scale

REPEATED = 0.09
"""Share of the runs that is left for the repetition of runs that did not pass."""
_NIGHT_HOUR = 1


def plan(chance: random.Random, repository: Repository, scale: Scale, end: datetime) -> tuple[Event, ...]:
    """Return the events in order. Together they start about `scale.runs_per_day` runs a day, without repetitions."""
    begin = end - timedelta(days=scale.days)
    wanted = round(scale.days * scale.runs_per_day * (1 - REPEATED))
    nights = list(_nights(chance, repository, scale, begin, end))
    rest = max(0, wanted - sum(len(night.suites) for night in nights))
    events = [*nights, *_pushes(chance, repository, scale.suites, rest)]
    missing = wanted - sum(len(event.suites) for event in events)
    events += _on_demand(chance, repository, scale.suites, missing, (begin, end))
    return tuple(sorted(events, key=lambda event: (event.at, event.commit.sha)))


def _nights(
    chance: random.Random, repository: Repository, scale: Scale, begin: datetime, end: datetime
) -> Iterator[Event]:
    count = min(scale.suites, max(1, scale.runs_per_day // 3))
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(scale.days + 1):
        at = midnight + timedelta(days=day, hours=_NIGHT_HOUR, minutes=chance.randrange(10, 80))
        if begin < at < end:
            suites = tuple(sorted(chance.sample(range(scale.suites), k=count)))
            yield Event(at, repository.head(at), "schedule", suites)


def _pushes(chance: random.Random, repository: Repository, suites: int, count: int) -> Iterator[Event]:
    """Choose `count` suites of all that the pushes could test. The default branch is tested twice as often."""
    commits: Sequence[Commit] = (*repository.main[1:], *repository.pushes)
    keyed = [
        (chance.random() ** (0.5 if commit.push == 0 else 1.0), number, suite)
        for number, commit in enumerate(commits)
        for suite in range(suites)
    ]
    chosen: dict[int, list[int]] = {}
    for _, number, suite in sorted(keyed, reverse=True)[:count]:
        chosen.setdefault(number, []).append(suite)
    for number, tested in sorted(chosen.items()):
        commit = commits[number]
        at = commit.at + timedelta(seconds=chance.randrange(60, 400))
        yield Event(at, commit, "push" if commit.push == 0 else "pull_request", tuple(sorted(tested)))


def _on_demand(
    chance: random.Random, repository: Repository, suites: int, count: int, times: tuple[datetime, datetime]
) -> Iterator[Event]:
    """Fill up with runs of the newest commit, where there are fewer pushes than runs."""
    span = int((times[1] - times[0]).total_seconds())
    while count > 0:
        at = times[0] + timedelta(seconds=chance.randrange(1, span))
        if chance.random() < working(at):
            count -= 1
            yield Event(at, repository.head(at), "push", (chance.randrange(suites),))
