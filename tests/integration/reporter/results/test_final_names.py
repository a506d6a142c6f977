"""Names of a finished run: they depend only on its winning attempts."""

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from handoff.message import JobMessage, Shard
from handoff.records import Outcome, Run
from reporter.artifact import Artifact
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results.case_rows import save
from reporter.results.claim import Claimant, claim
from reporter.results.commit import commit
from reporter.results.database import Database
from reporter.results.interruption import interrupt

SEEDS = int(os.environ.get("FUZZ_INTERLEAVINGS", "8"))
PARTS = max(1, SEEDS // 8)  # each part has the time limit of a test
RUN_OUT = "UPDATE test_shards SET lease_until = now() - interval '1 s' WHERE run_id = %s AND shard = %s"
CASES = "SELECT name, shard, status, flaky, tries FROM test_cases WHERE run_id = %s ORDER BY 1"
TRIES = "SELECT name, try, status FROM case_tries WHERE run_id = %s ORDER BY 1, 2"
ATTACHED = "SELECT shard, case_name FROM artifacts WHERE run_id = %s ORDER BY 1, 2"
LONG = "x" * 1990
Report = tuple[tuple[str, bool], ...]
"""The names of a shard's cases in their order, and whether each failed before it passed."""


@dataclass
class Fleet:
    """Shards of runs in one database, and the steps that their pods take."""

    database: Database
    rows: Any
    folder: Path
    outcome: Callable[..., Outcome]
    numbers: Iterator[int]

    async def take(self, run_id: str, shard: Shard) -> Fence:
        job = JobMessage(run_id=run_id, suite="checkout", shard=shard)
        who = Claimant(job=job, claim_id=f"c-{next(self.numbers)}", message_id="m", worker="pod")
        decision = await claim(self.database, who, lease=120)
        assert isinstance(decision, Run)
        return Fence(run_id, shard, decision.attempt)

    async def lose(self, fence: Fence) -> None:
        self.rows(RUN_OUT, fence.run_id, fence.shard.index)

    async def tail(self, fence: Fence, report: Report) -> None:
        await save(self.database, fence, [Case(name, Status.PASSED) for name, _ in report])

    async def interrupt(self, fence: Fence, report: Report) -> None:
        with self._reader(report) as reader:
            await interrupt(self.database, fence, reader, None)

    async def commit(self, fence: Fence, report: Report) -> None:
        artifact = Artifact("v.webm", f"s3://qa/{fence.run_id}/{fence.shard.index}", "video", 1, "video/webm")
        with self._reader(report) as reader:
            await commit(self.database, fence, reader, self.outcome(), (artifact,))

    def results(self, run_id: str) -> list[Any]:
        return [self.rows(query, run_id) for query in (CASES, TRIES, ATTACHED)]

    def _reader(self, report: Report) -> Reader:
        artifacts = self.folder / str(next(self.numbers))
        cases = "".join(
            f"<testcase name={quoteattr(name)}>{'<flakyFailure/>' if flaky else ''}"
            "<system-out>[[ATTACHMENT|../v.webm]]</system-out></testcase>"
            for name, flaky in reversed(report)  # so that the file belongs to the last case of the report
        )
        (artifacts / "junit").mkdir(parents=True)
        (artifacts / "junit" / "junit.xml").write_text(f"<testsuite>{cases}</testsuite>")
        return Reader(Reports(artifacts))


@pytest.fixture
def fleet(database: Database, rows: Any, tmp_path: Path, outcomes: Callable[..., Outcome]) -> Fleet:
    """An empty fleet."""
    return Fleet(database, rows, tmp_path, outcomes, count())


def reports(*names: str) -> Report:
    return tuple((name, False) for name in names)


async def test_a_name_loses_the_shard_when_no_other_shard_has_it(fleet: Fleet) -> None:
    """A dead attempt had the name, and the winning attempt does not."""
    first, second = (Shard(index=index, total=2) for index in (1, 2))
    dead = await fleet.take("r", first)
    await fleet.tail(dead, reports("login"))
    await fleet.commit(await fleet.take("r", second), (("login", True),))
    await fleet.lose(dead)
    await fleet.commit(await fleet.take("r", first), reports("logout"))
    cases, tries, attached = fleet.results("r")
    assert [(row["name"], row["shard"]) for row in cases] == [("login", 2), ("logout", 1)]
    assert [row["name"] for row in tries] == ["login", "login"]
    assert attached == [{"shard": 1, "case_name": "logout"}, {"shard": 2, "case_name": "login"}]


async def test_the_lowest_shard_keeps_a_shared_name(fleet: Fleet) -> None:
    """In an unfinished run, the first shard has it."""
    for index in (3, 1, 2):
        await fleet.commit(await fleet.take("r", Shard(index=index, total=3)), (("login", index == 3),))
    cases, tries, attached = fleet.results("r")
    assert [(row["name"], row["shard"]) for row in cases] == [
        ("login", 1), ("login [shard 2/3]", 2), ("login [shard 3/3]", 3)
    ]  # fmt: skip
    assert [row["name"] for row in tries] == ["login [shard 3/3]"] * 2
    assert [row["case_name"] for row in attached] == ["login", "login [shard 2/3]", "login [shard 3/3]"]


async def test_names_of_a_run_without_shared_names_are_not_written_again(fleet: Fleet) -> None:
    """The last commit writes no row of another shard."""
    for index in (1, 2):
        before = fleet.rows("SELECT name, xmin::text FROM test_cases")
        await fleet.commit(await fleet.take("r", Shard(index=index, total=2)), reports(f"case {index}"))
    assert before[0] in fleet.rows("SELECT name, xmin::text FROM test_cases")


class Life:
    """One shard that may lose attempts before it is complete."""

    def __init__(self, fleet: Fleet, shard: Shard, pool: list[str], chance: random.Random) -> None:
        self._fleet, self.shard, self._pool, self._chance = fleet, shard, pool, chance
        self.winner = self._report()

    def _report(self) -> Report:
        names = self._chance.sample(self._pool, self._chance.randint(1, len(self._pool)))
        return tuple((name, self._chance.random() < 0.3) for name in names)

    async def steps(self, run_id: str) -> AsyncIterator[None]:
        """One step for each `anext`."""
        frozen = []
        for _ in range(self._chance.randint(0, 2)):
            fence = await self._fleet.take(run_id, self.shard)
            yield
            for _ in range(self._chance.randint(0, 2)):
                await self._fleet.tail(fence, self._report())
                yield
            if self._chance.random() < 0.3:
                await self._fleet.interrupt(fence, self._report())
            else:
                await self._fleet.lose(fence)
                frozen.append(fence)
            yield
        fence = await self._fleet.take(run_id, self.shard)
        for _ in range(self._chance.randint(0, 2)):
            await self._fleet.tail(fence, self._chance.choice([self._report(), self.winner]))
            yield
        for late in frozen:
            with pytest.raises(Superseded):
                await self._fleet.tail(late, self._report())
        await self._fleet.commit(fence, self.winner)


@pytest.mark.parametrize("part", range(PARTS))
async def test_any_interleaving_leaves_the_names_of_an_undisturbed_run(fleet: Fleet, part: int) -> None:
    """Shards in any order, attempts that die, freeze or are released, and any partial tail."""
    for seed in range(part, SEEDS, PARTS):
        await _interleave(fleet, seed)


async def _interleave(fleet: Fleet, seed: int) -> None:
    chance = random.Random(seed)
    total = chance.randint(2, 4)
    shards = [Shard(index=index, total=total) for index in range(1, total + 1)]
    pool = ["a", "b", "c", LONG + "1", LONG + "2", *(f"a [shard {shard}]" for shard in shards)]
    pool += [f"{name} [shard {shards[-1]}]" for name in pool[-2:]]
    lives = [Life(fleet, shard, pool, chance) for shard in shards]
    going = [life.steps(f"disturbed-{seed}") for life in lives]
    while going:
        one = chance.choice(going)
        if await anext(one, "ended") == "ended":
            going.remove(one)
    for life in lives:
        await fleet.commit(await fleet.take(f"undisturbed-{seed}", life.shard), life.winner)
    results = fleet.results(f"disturbed-{seed}")
    assert results == fleet.results(f"undisturbed-{seed}"), seed
    names = {row["name"] for row in results[0]}
    assert len(names) == sum(len(life.winner) for life in lives)
    assert {name for life in lives for name, _ in life.winner} <= names
