"""What the failures of a run mean: how many are new, flaky or broken before, and since which commit.

The table `run_failures` holds the kind of each failure. It is fixed in the transaction that gives the verdict.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from testfleet.output.blocks import clean_line

Kind = Literal["new", "new_case", "flaky", "broken", "quarantined"]

MAX_NAME = 40
"""Maximum number of characters of an author, a commit or a run in a sentence."""

MANY = 2
"""Failures from which on their causes are counted: one failure has one cause."""

SHORT_COMMIT = 7
"""Characters of a hash that a sentence shows, as git does."""

_HASH = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of `run_failures`, with the author of the run in which the case began to fail."""

    name: str
    kind: Kind
    first_fail_run_id: str | None = None
    first_fail_commit: str | None = None
    first_fail_at: datetime | None = None
    first_fail_author: str | None = None
    runs_since: int | None = None
    """Number of runs since the case began to fail."""
    last_pass_run_id: str | None = None
    last_pass_commit: str | None = None
    cause_id: int | None = None
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class BrokenSince:
    """The first run of the oldest streak of failures that the run continues."""

    run_id: str | None
    commit: str | None
    author: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RunMeaning:
    """The failures of a run counted by kind. `sentence` is the same in words; it is empty without a failure."""

    new: int
    new_case: int
    flaky: int
    broken: int
    quarantined: int
    causes: int | None
    """Number of different causes of all failures; None if the cause of one is unknown."""
    new_causes: int | None
    """Number of different causes of the new failures, without those of new cases; None as above."""
    broken_since: BrokenSince | None
    sentence: str


def of(failures: Sequence[Failure]) -> RunMeaning:
    """Count the failures of one run, and say in one sentence what they mean."""
    by_kind: dict[Kind, list[Failure]] = {"new": [], "new_case": [], "flaky": [], "broken": [], "quarantined": []}
    for failure in failures:
        by_kind[failure.kind].append(failure)
    oldest = min(by_kind["broken"], key=_age, default=None)
    parts = [
        _new(by_kind["new"]),
        _count(len(by_kind["new_case"]), "new case fails", "new cases fail"),
        _count(len(by_kind["flaky"]), "known flaky", "known flaky"),
        _broken(by_kind["broken"], oldest),
        _count(len(by_kind["quarantined"]), "quarantined", "quarantined"),
    ]
    return RunMeaning(
        **{kind: len(found) for kind, found in by_kind.items()},
        causes=_causes(failures),
        new_causes=_causes(by_kind["new"]),
        broken_since=_since(oldest) if oldest else None,
        sentence=", ".join(filter(None, parts)),
    )


def describe(failure: Failure) -> str:
    """Return the kind of the failure in a few words, such as `broken since 3f2a91c by Ada, 4 runs`."""
    if failure.kind == "broken":
        runs = _count(failure.runs_since or 0, "run", "runs")
        return f"broken{in_words(_since(failure))}" + (f", {runs}" if runs else "")
    return {
        "new": "new failure",
        "new_case": "new case",
        "flaky": "known flaky",
        "quarantined": "quarantined",
    }[failure.kind]


def short_commit(commit: str) -> str:
    """Return the first characters of a hash. Another name of a commit keeps up to `MAX_NAME` characters."""
    text = clean_line(commit)
    return text[:SHORT_COMMIT] if _HASH.fullmatch(text) else _short(text)


def _new(new: Sequence[Failure]) -> str:
    words = _count(len(new), "new failure", "new failures")
    causes = _causes(new)
    return words if len(new) < MANY or causes is None else f"{words} ({_count(causes, 'cause', 'causes')})"


def _broken(broken: Sequence[Failure], oldest: Failure | None) -> str:
    if oldest is None:
        return ""
    since = _since(oldest)
    together = len({failure.first_fail_commit or failure.first_fail_run_id for failure in broken}) == 1
    oldest_of = "" if together or not in_words(since) else ", the oldest"
    return f"{len(broken)} broken{oldest_of}{in_words(since) or ' before'}"


def _since(failure: Failure) -> BrokenSince:
    return BrokenSince(
        failure.first_fail_run_id, failure.first_fail_commit, failure.first_fail_author, failure.first_fail_at
    )


def in_words(since: BrokenSince) -> str:
    """Return ` since COMMIT by AUTHOR`, with the run or the day if the commit is unknown, or an empty text."""
    if since.commit:
        start = short_commit(since.commit)
    elif since.run_id:
        start = f"run {_short(clean_line(since.run_id))}"
    elif since.at:
        start = f"{since.at:%Y-%m-%d}"
    else:
        return ""
    author = _short(clean_line(since.author or ""))
    return f" since {start}" + (f" by {author}" if author else "")


def _age(failure: Failure) -> tuple[bool, float, str]:
    at = failure.first_fail_at
    return at is None, at.timestamp() if at else 0.0, failure.name


def _causes(failures: Sequence[Failure]) -> int | None:
    causes = {failure.cause_id for failure in failures}
    return None if None in causes else len(causes)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else ""


def _short(text: str) -> str:
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"
