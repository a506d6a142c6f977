"""The commits of a generated history: a default branch, and the pull requests that it merges."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from testfleet.seeding.values import Commit, Scale

DEFAULT_BRANCH = "main"
WORK_HOURS = (7, 18)
"""Begin and end of the working day, in UTC."""

_AUTHORS = (
    "Amara Okafor",
    "Jonas Weber",
    "Li Na",
    "Mateo Rossi",
    "Priya Raman",
    "Sofia Lindqvist",
    "Tomasz Nowak",
    "dependency-bot",
)
_TOPICS = ("cart-total", "login-throttle", "invoice-pdf", "search-rank", "cookie-banner", "tax-2027", "node-24", "i18n")
_FIRST_PULL_REQUEST = 1000
_MERGES_PER_RUN = 0.16
_CLOSED_NUMBERS = 50_000
_CLOSED = 0.12
"""Share of the pull requests that are closed without a merge."""
_WEEKEND = 0.12
"""Work on a day of the weekend, as a share of that on a working day."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Its commits. `main` is in order, and its first commit is older than the history."""

    main: tuple[Commit, ...]
    pushes: tuple[Commit, ...]
    """Pushes to the branches of pull requests, in the order of time."""

    def head(self, at: datetime) -> Commit:
        """Return the newest commit of the default branch at this time."""
        return next((commit for commit in reversed(self.main) if commit.at <= at), self.main[0])


def build(chance: random.Random, scale: Scale, end: datetime) -> Repository:
    """Return the commits of the `scale.days` days until `end`."""
    begin = end - timedelta(days=scale.days)
    main = [Commit(_sha(chance), _sha(chance), chance.choice(_AUTHORS), begin, DEFAULT_BRANCH, 0)]
    for index, at in enumerate(sorted(times(chance, begin, end, scale.runs_per_day * _MERGES_PER_RUN)), start=1):
        author, number = chance.choice(_AUTHORS), _FIRST_PULL_REQUEST + index
        main.append(Commit(_sha(chance), main[-1].sha, author, at, DEFAULT_BRANCH, index, pull_request=number))
    pushes = [push for commit in main[1:] for push in _pull_request(chance, commit, main)]
    return Repository(tuple(main), tuple(sorted(pushes, key=lambda push: (push.at, push.sha))))


def working(at: datetime) -> float:
    """Return how much work is done at this time of the week, between 0 and 1."""
    in_hours = WORK_HOURS[0] <= at.hour < WORK_HOURS[1]
    return (1.0 if in_hours else 0.06) * (_WEEKEND if at.weekday() >= 5 else 1.0)  # noqa: PLR2004  # Saturday


def times(chance: random.Random, begin: datetime, end: datetime, per_day: float) -> Iterator[datetime]:
    """Return times of work: as many as `per_day` on average, most of them in working hours."""
    wanted = max(1, round((end - begin) / timedelta(days=1) * per_day))
    found = 0
    while found < wanted:
        at = begin + timedelta(seconds=chance.randrange(1, max(2, int((end - begin).total_seconds()))))
        if chance.random() < working(at):
            found += 1
            yield at


def _pull_request(chance: random.Random, merge: Commit, main: list[Commit]) -> Iterator[Commit]:
    """Return the pushes of the pull request that `merge` merges, or of one that is closed at that time."""
    count = chance.choices((1, 2, 3, 5), (45, 30, 17, 8))[0]
    opened = merge.at - timedelta(hours=chance.lognormvariate(1.6, 0.9))
    base = next((commit for commit in reversed(main) if commit.at <= opened), main[0])
    span = merge.at - max(opened, main[0].at)
    closed = chance.random() < _CLOSED
    number = (merge.pull_request or 0) + (_CLOSED_NUMBERS if closed else 0)
    branch = f"feature/{chance.choice(_TOPICS)}-{number}"
    shares = sorted(chance.uniform(0, 0.95) for _ in range(count))
    parent = base.sha
    for push, share in enumerate(shares, start=1):
        sha = _sha(chance)
        yield Commit(
            sha=sha,
            parent=parent,
            author=merge.author,
            at=max(opened, main[0].at) + span * share,
            branch=branch,
            index=base.index,
            pull_request=number,
            push=push,
            last_push=push == count,
            merged_as=None if closed else merge.index,
        )
        parent = sha


def _sha(chance: random.Random) -> str:
    return f"{chance.getrandbits(160):040x}"
