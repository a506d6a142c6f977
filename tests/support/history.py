"""Generated past runs, with whose figures the tests compare the figures of a panel."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 1, tzinfo=UTC)

SUITES = ("checkout", "search")

BRANCHES = ("main", None)


@dataclass(frozen=True)
class PastCase:
    """A case of a past run."""

    name: str
    status: str
    flaky: bool
    duration_ms: float


@dataclass(frozen=True)
class PastRun:
    """A finished run. `shard_seconds` and `attempts` have one value for each shard."""

    run_id: str
    suite: str
    branch: str | None
    commit: str | None
    queued_at: datetime
    started_at: datetime
    cases: tuple[PastCase, ...]
    shard_seconds: tuple[float, ...]
    attempts: tuple[int, ...]

    @property
    def finished_at(self) -> datetime:
        return self.started_at + timedelta(seconds=max(self.shard_seconds))

    @property
    def status(self) -> str:
        return "failed" if any(case.status in {"failed", "errored"} for case in self.cases) else "passed"

    def count(self, *statuses: str) -> int:
        return sum(case.status in statuses for case in self.cases)


@dataclass(frozen=True)
class History:
    """Every run in the order of its start, and the URL of their database."""

    url: str
    runs: list[PastRun] = field(default_factory=list)

    def of(self, suite: str, branch: str | None) -> list[PastRun]:
        return [run for run in self.runs if (run.suite, run.branch) == (suite, branch)]


def generate(chance: random.Random) -> Iterator[PastRun]:
    commits = dict.fromkeys(BRANCHES, "c0")
    for number in range(60):
        branch = chance.choice(BRANCHES)
        if chance.random() < 0.5:
            commits[branch] = f"c{number}"
        started = START + timedelta(hours=7 * number)
        cases = []
        for name in ("pays", "adds to cart", "finds", "signs in"):
            status = chance.choices(("passed", "failed", "errored", "skipped"), (85, 8, 3, 4))[0]
            flaky = status == "passed" and chance.random() < 0.1
            cases.append(PastCase(name, status, flaky, round(chance.uniform(5, 900), 3)))
        shards = chance.choice((1, 2, 4))
        yield PastRun(
            run_id=f"r-{number:03}",
            suite=chance.choice(SUITES),
            branch=branch,
            commit=None if chance.random() < 0.1 else commits[branch],
            queued_at=started - timedelta(seconds=chance.randint(1, 90)),
            started_at=started,
            cases=tuple(cases),
            shard_seconds=tuple(float(chance.randint(10, 300)) for _ in range(shards)),
            attempts=tuple(chance.choice((1, 1, 1, 2, 3)) for _ in range(shards)),
        )
