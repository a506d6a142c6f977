"""The summaries of random runs: each run folds once, and a rebuild and an oracle in Python give the same."""

import os
import random
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import psycopg
import pytest
from psycopg.rows import dict_row

from handoff.message import JobMessage, Shard
from handoff.records import AlreadyComplete, InvalidJob, Outcome, Run
from reporter.errors import Cancelled, Superseded
from reporter.fence import Fence
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results.claim import Claimant, claim
from reporter.results.commit import commit
from reporter.results.database import Database
from reporter.results.interruption import interrupt
from reporter.results.rejection import record_rejection
from testfleet.database import connection as connections
from testfleet.database.rebuild import rebuild
from tests.support.summaries import Oracle, Summary, by_day, numbers

RUNS = int(os.environ.get("FUZZ_RUNS", "60"))
AT_ONCE = 5
SUITES = ("checkout", "search")
BRANCHES = (None, "main", "main", "main", "fix-1", "fix-2")
NAMES = [f"case {number}" for number in range(24)]
LOSE = "UPDATE test_shards SET lease_until = now() - interval '1 s' WHERE run_id = %s AND shard = %s"
STATE = {
    "folded_cases": "SELECT * FROM folded_cases ORDER BY branch_id, name",
    "suite_summaries": "SELECT * FROM suite_summaries ORDER BY suite, branch",
    "run_failures": "SELECT * FROM run_failures ORDER BY run_id, name",
    "test_runs": "SELECT run_id, folded, outage, expected_cases FROM test_runs ORDER BY run_id",
}


class Fleet:
    """Runs of random shards, whose attempts crash, repeat their commits and come late."""

    def __init__(
        self, *, database: Database, rows: Any, folder: Path, outcome: Callable[..., Outcome], seed: int
    ) -> None:
        self._database, self._rows, self._folder, self._outcome = database, rows, folder, outcome
        self._chance = random.Random(seed)
        self._numbers = count()
        self._shaky = self._chance.sample(NAMES, 4)
        self._broken: set[str] = set()

    async def work(self, runs: int) -> None:
        """Run that many runs, several at once."""
        going = [self._run(f"r-{number:04}") for number in range(min(AT_ONCE, runs))]
        started = len(going)
        while going:
            one = self._chance.choice(going)
            if await anext(one, "ended") == "ended":
                going.remove(one)
                if started < runs:
                    going.append(self._run(f"r-{started:04}"))
                    started += 1

    async def _run(self, run_id: str) -> AsyncIterator[None]:
        chance = self._chance
        total = chance.choice((1, 1, 2, 3))
        branch = chance.choice(BRANCHES)
        commit_id = f"{branch}-{next(self._numbers) // 12}"
        facts = {
            "suite": chance.choice(SUITES),
            "branch": branch,
            "commit": chance.choice((None, commit_id, commit_id)),
        }
        if chance.random() < 0.1:
            name = chance.choice(NAMES)
            (self._broken.discard if name in self._broken else self._broken.add)(name)
        outage = chance.random() < 0.06
        shards = [
            self._shard(run_id, Shard(index=index, total=total), facts, outage=outage) for index in range(1, total + 1)
        ]
        while shards:
            one = chance.choice(shards)
            if await anext(one, "ended") == "ended":
                shards.remove(one)
            yield
            if chance.random() < 0.01:
                self._rows("SELECT cancel_run(%s)", run_id)
            if chance.random() < 0.01:
                invalid = InvalidJob(message_id="m", run_id=run_id, suite=str(facts["suite"]), reason="bad", detail="x")
                await record_rejection(self._database, invalid)

    async def _shard(self, run_id: str, shard: Shard, facts: dict[str, Any], *, outage: bool) -> AsyncIterator[None]:
        chance, late = self._chance, []
        while chance.random() < 0.2:  # a pod that crashes, or that is stopped
            fence = await self._claim(run_id, shard, facts)
            if fence is None:
                return
            yield
            try:
                if chance.random() < 0.5:
                    with self._reader(shard, outage=outage) as reader:
                        await interrupt(self._database, fence, reader, None)
                else:
                    self._rows(LOSE, run_id, shard.index)
                    late.append(fence)
            except (Superseded, Cancelled):
                return
            yield
        fence = await self._claim(run_id, shard, facts)
        if fence is None:
            return
        for _ in range(chance.choice((0, 0, 1, 8))):  # others end before this one
            yield
        with self._reader(shard, outage=outage) as reader:
            for _ in range(chance.choice((1, 1, 2))):  # the answer to the first commit was lost
                try:
                    await commit(self._database, fence, reader, self._outcome(), ())
                except (Superseded, Cancelled):
                    return
        yield
        for dead in late:
            with self._reader(shard, outage=outage) as reader, pytest.raises((Superseded, Cancelled)):
                await commit(self._database, dead, reader, self._outcome(), ())

    async def _claim(self, run_id: str, shard: Shard, facts: dict[str, Any]) -> Fence | None:
        job = JobMessage(run_id=run_id, shard=shard, **facts)
        who = Claimant(job=job, claim_id=f"c-{next(self._numbers)}", message_id="m", worker="pod")
        decision = await claim(self._database, who, lease=120)
        if isinstance(decision, AlreadyComplete):
            return None
        assert isinstance(decision, Run)
        return Fence(run_id, shard, decision.attempt)

    def _reader(self, shard: Shard, *, outage: bool) -> Reader:
        artifacts = self._folder / str(next(self._numbers))
        own = [name for place, name in enumerate(NAMES) if place % shard.total == shard.index - 1]
        cases = "".join(self._case(name, outage=outage) for name in own if self._chance.random() < 0.9)
        (artifacts / "junit").mkdir(parents=True)
        (artifacts / "junit" / "junit.xml").write_text(f"<testsuite>{cases}</testsuite>")
        return Reader(Reports(artifacts))

    def _case(self, name: str, *, outage: bool) -> str:
        roll = self._chance.random()
        inner = ""
        if outage and roll < 0.9:
            inner = "<error message='no server'/>"
        elif name in self._broken or (name in self._shaky and roll < 0.25) or roll < 0.01:
            inner = self._chance.choice(("<failure message='no'/>", "<error/>", "<failure/><rerunFailure/>"))
        elif roll > 0.96:
            inner = "<skipped/>"
        elif roll > 0.9 and name in self._shaky:
            inner = self._chance.choice(("<flakyFailure/>", "<flakyFailure/><flakyFailure/>"))
        seconds = round(self._chance.uniform(0.01, 9), 3)
        return f"<testcase name={quoteattr(name)} file='a.py' time='{seconds}'>{inner}</testcase>"


def state(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of the summaries. A rebuild also finds causes of failures beyond the limit of a run."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        tables = {table: connection.execute(query.encode()).fetchall() for table, query in STATE.items()}
    return {table: [_without_cause(row) for row in found] for table, found in tables.items()}


def _without_cause(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "cause_id"}


def check(url: str) -> None:
    """Compare every table of the summaries with the oracle."""
    with psycopg.connect(url) as connection:
        oracle = Oracle(connection)
    found = state(url)
    branches = {row["branch_id"]: (row["suite"], row["branch"]) for row in found["suite_summaries"]}
    cases = {(*branches[row["branch_id"]], row["name"]): row for row in found["folded_cases"]}
    expected = {(*key, name): one for key, all_cases in oracle.summaries.items() for name, one in all_cases.items()}
    assert cases.keys() == expected.keys()
    for case, summary in expected.items():
        row = cases[case]
        for key in ("branch_id", "name"):
            row.pop(key)
        for past in ("past_executions", "past_failures"):
            row[past] = [0] * (36 - len(row[past])) + row[past]
        assert row == columns(summary), case
    failures = {(row["run_id"], row["name"]): row for row in found["run_failures"]}
    assert failures.keys() == oracle.failures.keys()
    for failure, fields in oracle.failures.items():
        assert {name: failures[failure][name] for name in fields} == fields, failure
    for row in found["suite_summaries"]:
        runs = oracle.suites[row["suite"], row["branch"]]
        green = next((run for run in reversed(runs) if run["status"] == "passed"), None)
        assert (row["runs"], row["last_run_id"]) == (len(runs), runs[-1]["run_id"])
        assert (row["last_green_run_id"], row["last_green_commit"]) == (
            green and green["run_id"],
            green and green["commit"],
        )
    verdicts = {row["run_id"]: row for row in found["test_runs"] if row["run_id"] in oracle.expected}
    assert all(row["folded"] == (row["run_id"] in oracle.expected) for row in found["test_runs"])
    assert {run_id for run_id, row in verdicts.items() if row["outage"]} == oracle.outages
    assert {run_id: row["expected_cases"] for run_id, row in verdicts.items()} == oracle.expected


def columns(summary: Summary) -> dict[str, Any]:
    """Return the row of a summary but for its key, posterior and cause."""
    last, ran, bad = by_day(summary)
    run, _, _, _ = summary.executions[-1]
    quiet = None if summary.last_evidence is None else len(summary.executions) - 1 - summary.last_evidence
    numbered = numbers([run, summary.last_pass, next(iter(summary.streak), None)])
    return {
        "file": "a.py",
        "outcomes": summary.letters[-50:],
        "tried": "".join(f"{failed}{passed}" for *_, (failed, passed) in summary.executions[-10:]),
        "durations": [pytest.approx(case["duration_ms"], rel=1e-6) for _, case, _, _ in summary.executions[-50:]],
        "executions": len(summary.executions),
        "failures": sum(case["status"] != "passed" for _, case, _, _ in summary.executions),
        "day": last,
        "day_executions": ran[-1],
        "day_failures": bad[-1],
        "past_executions": ran[:-1],
        "past_failures": bad[:-1],
        "streak": len(summary.streak),
        "last_number": numbered[0],
        "last_pass_number": numbered[1],
        "first_fail_number": numbered[2],
        "retried_at": summary.retried_at,
        "mixed_at": summary.mixed_at,
        "flipped_at": summary.flipped_at,
        "suspected_at": summary.suspected_at,
        "flaky_at": summary.flaky_at,
        "flaky_since": summary.flaky_since,
        "quiet_executions": quiet,
    }


SPREAD = """
UPDATE test_runs AS r SET finished_at = spread.finished_at
FROM (
    SELECT run_id, timestamptz '2026-03-01 05:00+00' + make_interval(
        hours => 5 * place::integer + 60 * (place::integer / 40),
        days => CASE WHEN place > 25 THEN 45 ELSE 0 END
    ) AS finished_at
    FROM (SELECT run_id, row_number() OVER (ORDER BY finished_at, run_id) AS place FROM test_runs
          WHERE status IN ('passed', 'failed', 'errored')) AS placed
) AS spread WHERE spread.run_id = r.run_id
"""


@pytest.mark.timeout(1800)  # make fuzz takes minutes
async def test_summaries_of_random_runs_are_those_of_a_rebuild_and_of_the_oracle(
    *, database_url: str, database: Database, rows: Any, tmp_path: Path, outcomes: Callable[..., Outcome]
) -> None:
    """Pods crash, commit twice and come late; runs are cancelled or rejected."""
    fleet = Fleet(database=database, rows=rows, folder=tmp_path, outcome=outcomes, seed=RUNS)
    await fleet.work(RUNS)
    check(database_url)
    folded = state(database_url)
    episodes = rows("SELECT * FROM regression_episodes ORDER BY id")
    folded_again = sum(done.runs for done in rebuild(connections.Database(database_url)))
    assert folded_again == rows.one("SELECT count(*) AS runs FROM test_runs WHERE folded")["runs"] > RUNS / 2
    assert state(database_url) == folded
    assert rows("SELECT * FROM regression_episodes ORDER BY id") == episodes
    rows(SPREAD)  # over weeks, with a gap that is longer than the days that are kept
    list(rebuild(connections.Database(database_url)))
    check(database_url)
