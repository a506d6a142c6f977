"""Generated past runs, with whose figures the tests compare the figures of a panel."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=18)
"""States depend on how long ago a run was, so the runs are those of the last days."""

RUNS = 120

BROKEN = 112
"""The number of the first run in which `signs out` is broken."""

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
    def day(self) -> date:
        return self.started_at.date()

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
    """Return runs of which the last ended yesterday.

    Beside cases that fail at random, `exports` becomes slower, `imports` begins to fail at times, and
    `signs out` breaks for good.
    """
    commits = dict.fromkeys(BRANCHES, "c0")
    intact = set(BRANCHES)
    for number in range(RUNS):
        branch = chance.choice(BRANCHES)
        if chance.random() < 0.5 or (number >= BROKEN and branch in intact):
            commits[branch] = f"c{number}"
        if number >= BROKEN:
            intact.discard(branch)
        started = START + timedelta(hours=3.5 * number)
        cases = []
        for name in ("pays", "adds to cart", "finds", "signs in"):
            status = chance.choices(("passed", "failed", "errored", "skipped"), (85, 8, 3, 4))[0]
            flaky = status == "passed" and chance.random() < 0.1
            cases.append(PastCase(name, status, flaky, round(chance.uniform(5, 900), 3)))
        slower = 2 if number >= RUNS / 2 else 1
        cases.append(PastCase("exports", "passed", flaky=False, duration_ms=round(slower * chance.uniform(90, 110), 3)))
        dropped = number >= RUNS - 40 and chance.random() < 0.7
        cases.append(PastCase("imports", "failed" if dropped else "passed", flaky=False, duration_ms=20.5))
        cases.append(PastCase("signs out", "failed" if number >= BROKEN else "passed", flaky=False, duration_ms=8.25))
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
