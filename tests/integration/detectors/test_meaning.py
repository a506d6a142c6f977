"""States and kinds of failures over random histories are those of the tests' own definition."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.history import PastCase, PastRun
from tests.support.past import OUTCOMES, Past
from tests.support.reference import Meaning

NAMES = [f"case {number}" for number in range(24)]
BRANCHES = ("main", "main", "main", None, "feature", "fix")


def random_runs(chance: random.Random) -> Iterator[PastRun]:
    """Return runs of stable, flaky and broken cases on several branches, with outages and re-runs of a commit."""
    trouble = {name: chance.choice((0.0, 0.0, 0.02, 0.1, 0.4)) for name in NAMES}
    broken: set[str] = set()
    at = datetime.now(UTC) - timedelta(days=30)
    commit: str | None = None
    down = 0
    for number in range(120):
        down = down - 1 if down else 4 * (chance.random() < 0.04)
        at += timedelta(hours=0.5 if down else chance.choice((0.5, 1, 4, 9)))
        branch = chance.choice(BRANCHES)
        if chance.random() < 0.6:
            commit = chance.choice((f"c{number}", f"c{number}", None))
        if chance.random() < 0.06:
            broken ^= {chance.choice(NAMES)}
        cases = []
        for name in NAMES:
            fails = name in broken or chance.random() < (0.9 if down else trouble[name])
            outcome = chance.choice(("failed", "failed", "errored", "retried")) if fails else "passed"
            past = OUTCOMES["skipped" if chance.random() < 0.03 else outcome]
            cases.append(PastCase(name, past.status, past.flaky, 10.0))
        started = at - timedelta(minutes=5)
        yield PastRun(f"r-{number}", "checkout", branch, commit, started, started, tuple(cases), (300.0,), (1,))


@pytest.mark.parametrize("seed", range(3))
def test_states_and_kinds_are_those_of_the_definition(seed: int, database_url: str) -> None:
    """Every case of every branch, and every failure of every run."""
    known = Meaning()
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        for run in random_runs(random.Random(seed)):
            by_name = {
                c.name: next(k for k, o in OUTCOMES.items() if (o.status, o.flaky) == (c.status, c.flaky))
                for c in run.cases
            }
            past.run(run.run_id, by_name, at=run.finished_at, minutes=5, commit=run.commit, branch=run.branch)
            known.fold(run)
        states = connection.execute(
            "SELECT suite, nullif(branch, ''), name, state, reasons, flips, posterior, streak, executions, outcomes, "
            "now() FROM case_states"
        ).fetchall()
        kinds = connection.execute("SELECT run_id, name, kind FROM run_failures").fetchall()
        outages = connection.execute("SELECT run_id FROM test_runs WHERE outage").fetchall()
    assert {run_id for (run_id,) in outages} == known.outages
    assert len(known.outages) > 2
    assert {(run_id, name): kind for run_id, name, kind in kinds} == known.kinds
    assert len(states) == len(known.cases)
    for suite, branch, name, state, reasons, flips, posterior, streak, executions, outcomes, now in states:
        case = known.cases[suite, branch, name]
        assert (outcomes, executions, streak, flips) == (case.outcomes, len(case.executions), case.streak, case.flips)
        assert posterior == pytest.approx(case.posterior, rel=1e-6)
        assert (state, reasons) == (case.state(now), case.reasons(now)), (name, branch, outcomes)
