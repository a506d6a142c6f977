"""The verdict of a shard and of a run: ordered rules over counts, of which the first that applies decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from signal import Signals
from typing import Literal

from handoff.message import Shard
from handoff.records import Collection, Outcome
from reporter.results import coverage

Word = Literal["passed", "failed", "errored"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status and its reason, if it has one."""

    status: Word
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ShardResults:
    """The results of a shard: its report files, and the number of cases by status."""

    files: int
    broken: tuple[tuple[str, str], ...]
    """Path and reason of each report that is invalid or incomplete."""
    doubts: tuple[tuple[str, str], ...]
    """Path and reason of each report with a failure that none of its cases shows."""
    cases: int
    bad: int
    """Cases that failed or errored."""
    quarantined: int = 0
    """Those of the bad cases that a quarantine covers."""


@dataclass(frozen=True, slots=True)
class ShardVerdict:
    """A complete shard of a run, by its 1-based index."""

    shard: int
    verdict: Verdict
    collection: Collection | None = None


def of_shard(shard: Shard, outcome: Outcome, results: ShardResults) -> Verdict:
    """Return the verdict of a shard whose suite ended and was not interrupted."""
    doubt = next(_doubts(shard, outcome, results), None)
    if results.bad > results.quarantined:
        return Verdict("failed", doubt or outcome.detail)
    if results.quarantined:
        doubt = doubt or next(_doubts_of_quarantine(outcome, results), None)
    return Verdict("errored", doubt) if doubt else Verdict("passed")


def _doubts(shard: Shard, outcome: Outcome, results: ShardResults) -> Iterator[str]:
    """Yield the reasons why the reports may not show the whole result, the strongest first."""
    if outcome.ending == "failed_to_start":
        yield _line("the suite could not start", outcome.detail)
    if outcome.ending == "timed_out":
        yield _line("the suite ran out of time", outcome.detail)
    if outcome.ending == "out_of_space":
        yield _line("the suite ran out of space", outcome.detail)
    # The exit code of Robot Framework and Mocha is the number of failed tests.
    if outcome.ending == "finished" and _signal(outcome.exit_code) and outcome.exit_code != results.bad:
        yield _line(f"the suite was killed by {_exit(outcome)}", outcome.detail)
    for path, detail in results.broken:
        yield _line(f"the report {path} breaks off", detail)
    for path, detail in results.doubts:
        yield _line(f"the report {path} has a failure that none of its cases shows", detail)
    if not results.files:
        yield _line("the suite left no JUnit report", _exit(outcome))
    if outcome.exit_code and not results.bad:
        yield f"no case failed, but the suite ended with {_exit(outcome)}"
    if not results.cases and shard.total == 1:
        yield "the report holds no case"


def _doubts_of_quarantine(outcome: Outcome, results: ShardResults) -> Iterator[str]:
    """Yield the reasons why more than the quarantined cases may have failed."""
    failed_tests = outcome.failed_tests
    if outcome.exit_code and outcome.exit_code not in failed_tests.exit_codes:
        yield _line(f"only quarantined cases failed, but the suite ended with {_exit(outcome)}", outcome.detail)
    if outcome.collection and not outcome.collection.complete:
        yield "only quarantined cases failed, but the suite stopped before it had run all tests"
    selected = outcome.collection.selected.count if outcome.collection else 0
    if failed_tests.one_case_each and results.cases < selected:
        yield f"only quarantined cases failed, but {results.cases} of {selected} selected tests are in the reports"


def _line(reason: str, detail: str | None) -> str:
    return f"{reason}: {detail}" if detail else reason


def _exit(outcome: Outcome) -> str | None:
    code = outcome.exit_code
    if code is None:
        return None
    killer = _signal(code)
    if killer is None:
        return f"exit code {code}"
    signal = f"signal {killer.value} ({killer.name})"
    return signal if code < 0 else f"{signal}, exit code {code}"


def _signal(exit_code: int | None) -> Signals | None:
    """Return the signal of an exit code: negative from the kernel, or plus 128 from a shell."""
    try:
        return Signals(-exit_code if exit_code < 0 else exit_code - 128) if exit_code else None
    except ValueError:
        return None


def of_run(expected: int, complete: Sequence[ShardVerdict], *, ran: int, quarantined: int = 0) -> Verdict | None:
    """Return the verdict of a run of `expected` shards, or None while one of them is not complete.

    `ran` is the number of cases of the whole run that ran. Skipped cases did not run. `quarantined` is the number of
    its bad cases that a quarantine covers.
    """
    if len(complete) < expected:
        return None
    doubt = coverage.doubt(expected, {one.shard: one.collection for one in complete})
    for word in ("failed", "errored"):
        bad = [one for one in complete if one.verdict.status == word]
        if bad:
            detail = next((_place(one, expected) for one in bad if one.verdict.detail), None)
            return Verdict(word, "; ".join(filter(None, (detail, doubt))) or None)
    if doubt:
        return Verdict("errored", doubt)
    if not ran:
        return Verdict("errored", "no case of the whole run ran")
    if ran == quarantined:
        return Verdict("errored", f"every case that ran is bad and quarantined ({ran}), so nothing was tested")
    return Verdict("passed")


def _place(one: ShardVerdict, expected: int) -> str | None:
    detail = one.verdict.detail
    return f"shard {one.shard}/{expected}: {detail}" if expected > 1 else detail
