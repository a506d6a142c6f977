"""What a shard's and a run's results amount to: rules over counts, the first that fits wins."""

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
    """A status and, where it needs one, its reason in words."""

    status: Word
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The results of a shard: its report files, and the number of cases by status."""

    files: int
    broken: tuple[tuple[str, str], ...]
    """Path and detail of each report that breaks off."""
    doubts: tuple[tuple[str, str], ...]
    """Path and detail of each report with a failure that none of its cases shows."""
    cases: int
    bad: int
    """Cases that failed or errored."""


@dataclass(frozen=True, slots=True)
class ShardVerdict:
    """A complete shard of a run, by its 1-based index."""

    shard: int
    verdict: Verdict
    collection: Collection | None = None


def of_shard(shard: Shard, outcome: Outcome, evidence: Evidence) -> Verdict:
    """The verdict over one shard whose suite has ended in any way but by interruption."""
    doubt = next(_doubts(shard, outcome, evidence), None)
    if evidence.bad:
        return Verdict("failed", doubt or outcome.detail)
    return Verdict("errored", doubt) if doubt else Verdict("passed")


def _doubts(shard: Shard, outcome: Outcome, evidence: Evidence) -> Iterator[str]:
    """Why the shard's report can't be taken for its whole truth, the strongest reason first."""
    if outcome.ending == "failed_to_start":
        yield _line("the suite could not start", outcome.detail)
    if outcome.ending == "timed_out":
        yield _line("the suite ran out of time", outcome.detail)
    if outcome.ending == "out_of_space":
        yield _line("the suite ran out of space", outcome.detail)
    # Robot Framework and Mocha end with the number of failed tests.
    if outcome.ending == "finished" and _signal(outcome.exit_code) and outcome.exit_code != evidence.bad:
        yield _line(f"the suite was killed by {_exit(outcome)}", outcome.detail)
    for path, detail in evidence.broken:
        yield _line(f"the report {path} breaks off", detail)
    for path, detail in evidence.doubts:
        yield _line(f"the report {path} has a failure that none of its cases shows", detail)
    if not evidence.files:
        yield _line("the suite left no JUnit report", _exit(outcome))
    if outcome.exit_code and not evidence.bad:
        yield f"no case failed, but the suite ended with {_exit(outcome)}"
    if not evidence.cases and shard.total == 1:
        yield "the report holds no case"


def _line(what: str, detail: str | None) -> str:
    return f"{what}: {detail}" if detail else what


def _exit(outcome: Outcome) -> str | None:
    code = outcome.exit_code
    if code is None:
        return None
    killer = _signal(code)
    if killer is None:
        return f"exit code {code}"
    said = f"signal {killer.value} ({killer.name})"
    return said if code < 0 else f"{said}, exit code {code}"


def _signal(exit_code: int | None) -> Signals | None:
    """The signal that ended the suite: negative as the kernel gives it, 128 more as a shell gives it for its child."""
    try:
        return Signals(-exit_code if exit_code < 0 else exit_code - 128) if exit_code else None
    except ValueError:
        return None


def of_run(expected: int, complete: Sequence[ShardVerdict], *, ran: int) -> Verdict | None:
    """The verdict over a run of `expected` shards, or None while one of them is not complete.

    `ran` counts the cases of the whole run that ran; skipped ones did not.
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
    return Verdict("passed") if ran else Verdict("errored", "no case of the whole run ran")


def _place(one: ShardVerdict, expected: int) -> str | None:
    detail = one.verdict.detail
    return f"shard {one.shard}/{expected}: {detail}" if expected > 1 else detail
