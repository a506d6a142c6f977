"""Episodes of significant drops: when they open, continue and close."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.exact import fisher_less
from tests.support.past import Past

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
EPISODES = "SELECT opened_run_id, opened_at, closed_at FROM regression_episodes ORDER BY id"


@dataclass
class Episodes:
    """The definition of docs/metrics.md over all executions: pairs of a time and whether the case was bad."""

    executions: list[tuple[datetime, bool]] = field(default_factory=list)
    rows: list[list[object]] = field(default_factory=list)
    reopened: int = 0

    def add(self, run_id: str, at: datetime, *, bad: bool) -> None:
        self.executions.append((at, bad))
        newest = self.rows[-1] if self.rows else None
        is_open = newest is not None and newest[2] is None
        if not bad and not is_open:
            return
        drop = self._drops(at, pity=0.03 if is_open else 0.05, limit=0.10 if is_open else 0.05)
        if is_open and newest:
            newest[2] = None if drop else at
        elif drop and newest and isinstance(newest[2], datetime) and newest[2] > at - timedelta(days=5):
            newest[2] = None
            self.reopened += 1
        elif drop:
            self.rows.append([run_id, at, None])

    def _drops(self, at: datetime, *, pity: float, limit: float) -> bool:
        ago = [((at.date() - when.date()).days, bad) for when, bad in self.executions]
        after = [bad for days, bad in ago if days < 7]
        before = [bad for days, bad in ago if 7 <= days <= 36]
        if sum(after) < 3 or not before or sum(after) / len(after) - sum(before) / len(before) <= pity:
            return False
        return fisher_less(len(after) - sum(after), sum(after), len(before) - sum(before), sum(before)) < limit


def random_executions(chance: random.Random) -> Iterator[tuple[datetime, bool]]:
    """Return four months of executions: in some weeks the case fails more often, and some days have none."""
    at, rate = START, 0.0
    for day in range(120):
        if day % 6 == 0:
            rate = chance.choice((0.0, 0.03, 0.05, 0.3, 0.5))
        if chance.random() < 0.1:
            continue
        for hour in sorted(chance.sample(range(12), 3)):
            yield at + timedelta(days=day, hours=hour), chance.random() < rate


@pytest.mark.parametrize("seed", [2, 18, 39])
def test_episodes_are_those_of_the_definition(seed: int, database_url: str) -> None:
    """They open, close, open again within five days, and later begin anew."""
    known = Episodes()
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        for number, (at, bad) in enumerate(random_executions(random.Random(seed))):
            past.run(f"r-{number}", {"pays": "failed" if bad else "passed"}, at=at)
            known.add(f"r-{number}", at, bad=bad)
        found = connection.execute(EPISODES).fetchall()
    assert [list(row) for row in found] == known.rows
    assert len(known.rows) > 1
    assert known.reopened


@pytest.fixture
def dropped(database_url: str) -> Iterator[psycopg.Connection]:
    """A case that passed for a month and then failed in four of seven runs of a day."""
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        for day in range(30):
            past.run(f"good-{day}", {"pays": "passed"}, at=START + timedelta(days=day))
        for number, outcome in enumerate(["failed", "passed", "failed", "passed", "failed", "failed", "passed"]):
            past.run(f"bad-{number}", {"pays": outcome}, at=START + timedelta(days=30, hours=number))
        yield connection


def test_the_third_failure_opens_an_episode(dropped: psycopg.Connection) -> None:
    """Two failures are too few, whatever p is."""
    assert dropped.execute(EPISODES).fetchall() == [("bad-4", START + timedelta(days=30, hours=4), None)]


def test_the_view_shows_the_rates_and_the_state(dropped: psycopg.Connection) -> None:
    """The case passed at its last execution and flips: it is flaky and its drop is still significant."""
    row = dropped.execute(
        "SELECT name, branch, failures, executions, failures_before, executions_before, after_rate, before_rate, "
        "streak FROM open_regressions"
    ).fetchone()
    assert row == ("pays", "main", 4, 13, 0, 24, pytest.approx(9 / 13), 1.0, 0)


def test_an_episode_ends_when_its_bad_days_are_over(dropped: psycopg.Connection) -> None:
    """Housekeeping closes it although the case was not executed again."""
    close = "SELECT close_quiet_regressions(%s)"
    assert dropped.execute(close, [START + timedelta(days=36, hours=8)]).fetchone() == (0,)
    later = START + timedelta(days=37)
    assert dropped.execute(close, [later]).fetchone() == (1,)
    assert dropped.execute(close, [later]).fetchone() == (0,)
    assert [closed for *_, closed in dropped.execute(EPISODES)] == [later]
    assert dropped.execute("SELECT count(*) FROM open_regressions").fetchone() == (0,)


def test_an_outage_opens_no_episode(database_url: str) -> None:
    """Three runs in which everything fails say nothing about one case."""
    names = [f"case {number}" for number in range(12)]
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        for day in range(30):
            past.run(f"good-{day}", dict.fromkeys(names, "passed"), at=START + timedelta(days=day))
        for day in range(30, 36):
            outcome = "errored" if day % 2 else "passed"
            past.run(f"down-{day}", dict.fromkeys(names, outcome), at=START + timedelta(days=day))
        assert connection.execute("SELECT count(*) FROM test_runs WHERE outage").fetchone() == (3,)
        assert connection.execute(EPISODES).fetchall() == []
        assert connection.execute("SELECT count(*) FROM folded_cases WHERE flaky_at IS NOT NULL").fetchone() == (0,)


def test_a_new_branch_has_no_pass_rate_to_drop_from(database_url: str) -> None:
    """The thirty days before must have an execution."""
    with psycopg.connect(database_url) as connection:
        for number in range(5):
            at = START + timedelta(hours=number)
            Past(connection).run(f"r-{number}", {"pays": "failed"}, at=at, branch="feature")
        assert connection.execute(EPISODES).fetchall() == []
