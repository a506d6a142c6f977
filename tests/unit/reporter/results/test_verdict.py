"""The verdicts of shards and runs, rule by rule."""

from datetime import UTC, datetime
from typing import Any

import pytest

from handoff.message import Shard
from handoff.records import Outcome
from reporter.results.verdict import ShardResults, ShardVerdict, Verdict, of_run, of_shard

ONLY, ONE_OF_TWO = Shard(index=1, total=1), Shard(index=1, total=2)
CUT = (("junit/a.xml", "no element found"),)
HIDDEN = (("junit/a.xml", '<testsuite name="s"> has errors="1"'),)
HIDDEN_DETAIL = 'the report junit/a.xml has a failure that none of its cases shows: <testsuite name="s"> has errors="1"'


def outcome(ending: Any = "finished", exit_code: int | None = 0, detail: str | None = None) -> Outcome:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    return Outcome(ending=ending, exit_code=exit_code, detail=detail, started_at=now, finished_at=now)


def found(
    cases: int = 3,
    bad: int = 0,
    *,
    files: int = 1,
    broken: tuple[tuple[str, str], ...] = (),
    doubts: tuple[tuple[str, str], ...] = (),
) -> ShardResults:
    return ShardResults(files=files, broken=broken, doubts=doubts, cases=cases, bad=bad)


@pytest.mark.parametrize(
    ("shard", "ended", "evidence", "verdict"),
    [
        (ONLY, outcome(), found(), Verdict("passed")),
        (ONLY, outcome(exit_code=1), found(bad=1), Verdict("failed")),
        (ONLY, outcome(exit_code=0), found(bad=1), Verdict("failed")),
        (ONLY, outcome("timed_out", -15, "after 5 s"), found(bad=1),
         Verdict("failed", "the suite ran out of time: after 5 s")),
        (ONLY, outcome(), found(bad=2, broken=CUT),
         Verdict("failed", "the report junit/a.xml breaks off: no element found")),
        (ONLY, outcome("timed_out", -15), found(), Verdict("errored", "the suite ran out of time")),
        (ONLY, outcome("timed_out", -15), found(0, files=0), Verdict("errored", "the suite ran out of time")),
        (ONLY, outcome("failed_to_start", None, "no npx"), found(0, files=0),
         Verdict("errored", "the suite could not start: no npx")),
        (ONLY, outcome(), found(broken=CUT), Verdict("errored", "the report junit/a.xml breaks off: no element found")),
        (ONLY, outcome(), found(doubts=HIDDEN), Verdict("errored", HIDDEN_DETAIL)),
        (ONLY, outcome(exit_code=1), found(0, doubts=HIDDEN), Verdict("errored", HIDDEN_DETAIL)),
        (ONLY, outcome(exit_code=1), found(bad=1, doubts=HIDDEN), Verdict("failed", HIDDEN_DETAIL)),
        (ONLY, outcome(), found(0, files=0), Verdict("errored", "the suite left no JUnit report: exit code 0")),
        (ONE_OF_TWO, outcome(), found(0, files=0), Verdict("errored", "the suite left no JUnit report: exit code 0")),
        (ONLY, outcome(exit_code=-9), found(0, files=0),
         Verdict("errored", "the suite was killed by signal 9 (SIGKILL)")),
        (ONLY, outcome(exit_code=-9, detail="out of memory"), found(broken=CUT),
         Verdict("errored", "the suite was killed by signal 9 (SIGKILL): out of memory")),
        (ONLY, outcome("out_of_space", -15, "artifacts exceed 9 MiB"), found(broken=CUT),
         Verdict("errored", "the suite ran out of space: artifacts exceed 9 MiB")),
        (ONLY, outcome("out_of_space", 0, "artifacts exceed 9 MiB"), found(bad=1),
         Verdict("failed", "the suite ran out of space: artifacts exceed 9 MiB")),
        (ONLY, outcome(exit_code=137), found(broken=CUT),
         Verdict("errored", "the suite was killed by signal 9 (SIGKILL), exit code 137")),
        (ONLY, outcome(exit_code=-9), found(bad=1, broken=CUT),
         Verdict("failed", "the suite was killed by signal 9 (SIGKILL)")),
        (ONLY, outcome(exit_code=137), found(200, bad=137), Verdict("failed")),
        (ONLY, outcome(exit_code=255), found(),
         Verdict("errored", "no case failed, but the suite ended with exit code 255")),
        (ONLY, outcome(exit_code=1, detail="out of memory"), found(bad=1), Verdict("failed", "out of memory")),
        (ONLY, outcome(detail="out of memory"), found(), Verdict("passed")),
        (ONLY, outcome("timed_out", -9, "after 5 s"), found(),
         Verdict("errored", "the suite ran out of time: after 5 s")),
        (ONLY, outcome(exit_code=2), found(),
         Verdict("errored", "no case failed, but the suite ended with exit code 2")),
        (ONLY, outcome(exit_code=-11), found(),
         Verdict("errored", "the suite was killed by signal 11 (SIGSEGV)")),
        (ONLY, outcome(), found(0), Verdict("errored", "the report holds no case")),
        (ONE_OF_TWO, outcome(), found(0), Verdict("passed")),
        (ONE_OF_TWO, outcome(exit_code=2), found(0),
         Verdict("errored", "no case failed, but the suite ended with exit code 2")),
    ],
)  # fmt: skip
def test_the_first_rule_that_applies_gives_the_verdict_of_a_shard(
    shard: Shard, ended: Outcome, evidence: ShardResults, verdict: Verdict
) -> None:
    """A failure outweighs every doubt, and a doubt outweighs passed cases."""
    assert of_shard(shard, ended, evidence) == verdict


def shards(*words: Any) -> list[ShardVerdict]:
    return [
        ShardVerdict(number, Verdict(word, f"why {number}" if word == "errored" else None))
        for number, word in enumerate(words, start=1)
    ]


@pytest.mark.parametrize(
    ("expected", "complete", "ran", "verdict"),
    [
        (2, shards("failed"), 1, None),
        (2, shards(), 0, None),
        (2, shards("passed", "passed"), 1, Verdict("passed")),
        (2, shards("passed", "passed"), 0, Verdict("errored", "no case of the whole run ran")),
        (2, shards("passed", "errored"), 1, Verdict("errored", "shard 2/2: why 2")),
        (1, shards("errored"), 0, Verdict("errored", "why 1")),
        (3, shards("errored", "failed", "passed"), 2, Verdict("failed")),
    ],
)
def test_the_shards_give_the_verdict_of_the_run(
    expected: int, complete: list[ShardVerdict], ran: int, verdict: Verdict | None
) -> None:
    """Failed outweighs errored, which outweighs passed. A run without a case does not pass."""
    assert of_run(expected, complete, ran=ran) == verdict
