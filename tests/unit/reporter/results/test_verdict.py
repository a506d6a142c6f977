"""The verdicts of shards and runs, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from handoff.message import Shard
from handoff.records import Collection, FailedTests, IdSet, Outcome
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


TESTS = Collection(collected=IdSet(count=9, digest="0" * 64), selected=IdSet(count=4, digest="0" * 64))


def quarantined(cases: int = 4, bad: int = 1, covered: int = 1, **given: Any) -> ShardResults:
    return replace(found(cases, bad, **given), quarantined=covered)


@pytest.mark.parametrize(
    ("exit_code", "failed_tests", "evidence", "verdict"),
    [
        (0, FailedTests(), quarantined(), Verdict("passed")),
        (1, FailedTests(), quarantined(), Verdict("passed")),
        (1, FailedTests(), quarantined(bad=2), Verdict("failed")),
        (99, FailedTests(exit_codes=(99,)), quarantined(), Verdict("passed")),
        (1, FailedTests(exit_codes=(99,)), quarantined(),
         Verdict("errored", "only quarantined cases failed, but the suite ended with exit code 1")),
        (2, FailedTests(), quarantined(bad=2, covered=2),
         Verdict("errored", "only quarantined cases failed, but the suite ended with exit code 2")),
        (0, FailedTests(exit_codes=()), quarantined(), Verdict("passed")),
        (1, FailedTests(one_case_each=True), quarantined(), Verdict("passed")),
        (1, FailedTests(one_case_each=True), quarantined(3),
         Verdict("errored", "only quarantined cases failed, but 3 of 4 selected tests are in the reports")),
        (0, FailedTests(one_case_each=True), found(3), Verdict("passed")),
        (1, FailedTests(), quarantined(broken=CUT),
         Verdict("errored", "the report junit/a.xml breaks off: no element found")),
        (1, FailedTests(), quarantined(doubts=HIDDEN), Verdict("errored", HIDDEN_DETAIL)),
        (-9, FailedTests(), quarantined(), Verdict("errored", "the suite was killed by signal 9 (SIGKILL)")),
    ],
)  # fmt: skip
def test_a_quarantine_covers_its_cases_and_nothing_else(
    exit_code: int, failed_tests: FailedTests, evidence: ShardResults, verdict: Verdict
) -> None:
    """A crash, a broken report and an early end are no failure of the quarantined cases."""
    ended = outcome(exit_code=exit_code).model_copy(update={"failed_tests": failed_tests, "collection": TESTS})
    assert of_shard(ONLY, ended, evidence) == verdict


def test_a_quarantine_does_not_cover_a_suite_that_stopped_early() -> None:
    """Playwright's reporter writes the tests that did not run as skipped cases."""
    stopped = TESTS.model_copy(update={"complete": False})
    ended = outcome(exit_code=1).model_copy(update={"collection": stopped})
    detail = "only quarantined cases failed, but the suite stopped before it had run all tests"
    assert of_shard(ONLY, ended, quarantined()) == Verdict("errored", detail)
    assert of_shard(ONLY, ended, quarantined(bad=2)) == Verdict("failed")


def test_a_run_in_which_every_case_is_bad_and_quarantined_is_errored() -> None:
    """Nothing was tested. One other case that ran is enough."""
    detail = "every case that ran is bad and quarantined (2), so nothing was tested"
    assert of_run(1, shards("passed"), ran=2, quarantined=2) == Verdict("errored", detail)
    assert of_run(1, shards("passed"), ran=3, quarantined=2) == Verdict("passed")


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
