"""The report of one run as a frozen value, which every renderer takes."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from testfleet.output.blocks import clean_line, first_line
from testfleet.results import meaning
from testfleet.results.meaning import Failure

RunStatus = Literal["queued", "running", "passed", "failed", "errored", "cancelled"]
CaseStatus = Literal["passed", "failed", "errored", "skipped"]

BAD = frozenset({"failed", "errored"})

_EVIDENCE = ("trace", "screenshot", "video")
"""Kinds of artifacts that show a failure, the most useful first."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A row of `test_runs`, without the columns that no report shows."""

    run_id: str
    suite: str | None
    status: RunStatus
    detail: str | None
    commit: str | None
    branch: str | None
    pull_request: str | None
    author: str | None
    ci_url: str | None
    environment: str | None
    target_url: str | None
    shards: int | None
    shards_done: int
    total: int
    passed: int
    failed: int
    errored: int
    skipped: int
    flaky: int
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def milliseconds(self) -> float | None:
        """The duration of a finished run."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class Shard:
    """A row of `test_shards`."""

    shard: int
    status: str
    attempt: int
    cases: int
    worker: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class File:
    """A row of `artifacts`."""

    kind: str
    s3_uri: str
    bytes: int
    content_type: str


@dataclass(frozen=True, slots=True)
class Try:
    """A row of `case_tries`."""

    status: CaseStatus
    duration_ms: float | None
    message: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A row of `test_cases` with its tries, its files and, if it is bad, the meaning of its failure.

    `tries` is empty for a case that was executed once.
    """

    name: str
    shard: int
    attempt: int
    file: str | None
    status: CaseStatus
    flaky: bool
    duration_ms: float | None
    message: str | None
    error: str | None
    error_type: str | None
    location: str | None
    fingerprint: str | None
    started_at: datetime | None
    finished_at: datetime | None
    tries: tuple[Try, ...] = ()
    files: tuple[File, ...] = ()
    failure: Failure | None = None

    @property
    def bad(self) -> bool:
        """Whether the case failed or errored."""
        return self.status in BAD

    @property
    def first_message(self) -> str | None:
        """The message of the case, or of its first try that has one: a flaky case passed in the end."""
        return self.message or next((one.message for one in self.tries if one.message), None)

    @property
    def place(self) -> str:
        """Where the case failed, or else its file."""
        return clean_line(self.location or self.file or "")

    @property
    def evidence(self) -> tuple[File, ...]:
        """The traces of the case, or else its screenshots, or else its videos."""
        found = (tuple(file for file in self.files if file.kind == kind) for kind in _EVIDENCE)
        return next((files for files in found if files), ())


@dataclass(frozen=True, slots=True)
class Group:
    """Failures of one cause."""

    cases: tuple[Case, ...]

    @property
    def title(self) -> str:
        """The first line of the failure that all cases share, with the name of the exception."""
        case = self.cases[0]
        text = first_line(case.first_message) or first_line(case.error)
        kind = clean_line(case.error_type or "")
        return f"{kind}: {text}" if kind and kind not in text else text or "no message"


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run with all its cases. `link` is the address of the run's page."""

    run: RunFacts
    shards: tuple[Shard, ...]
    cases: tuple[Case, ...]
    link: str | None = None
    bad: tuple[Case, ...] = field(init=False)
    flaky: tuple[Case, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bad", tuple(case for case in self.cases if case.bad))
        object.__setattr__(self, "flaky", tuple(case for case in self.cases if case.flaky))

    @property
    def rest(self) -> tuple[Case, ...]:
        """The cases that passed at once or were skipped."""
        return tuple(case for case in self.cases if not case.bad and not case.flaky)

    @property
    def sentence(self) -> str:
        """What a developer must know first, in one line. It contains text of the run."""
        run = self.run
        parts = [meaning.of([case.failure for case in self.bad if case.failure]).sentence]
        if unknown := sum(case.failure is None for case in self.bad):
            parts.append(
                count(unknown, "failure") + (f" ({count(len(self.groups()), 'cause')})" if unknown > 1 else "")
            )
        if run.flaky:
            parts.append(f"{run.flaky} passed on retry")
        match run.status:
            case "passed":
                skipped = f"{run.skipped} skipped" if run.skipped else ""
                parts = [f"{count(run.passed, 'case')} passed", skipped, *parts]
            case "errored" | "cancelled":
                reason = _shortened(first_line(run.detail))
                parts.insert(0, f"{run.status}: {reason}" if reason else run.status)
            case "queued" | "running":
                parts.insert(0, run.status)
            case "failed":
                pass
        return ", ".join(filter(None, parts)) or run.status

    def groups(self, *kinds: str) -> tuple[Group, ...]:
        """Return the failures of these kinds by cause, the largest group first; without kinds, those of no kind."""
        found: dict[str, list[Case]] = {}
        for case in self.bad:
            if (case.failure.kind in kinds) if case.failure else not kinds:
                found.setdefault(_cause(case), []).append(case)
        return tuple(Group(tuple(cases)) for cases in sorted(found.values(), key=len, reverse=True))


def _cause(case: Case) -> str:
    if case.failure and case.failure.cause_id is not None:
        return f"cause {case.failure.cause_id}"
    return f"fingerprint {case.fingerprint}" if case.fingerprint else f"case {case.name}"


_MAX_REASON = 200


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"


def count(number: int, word: str) -> str:
    """Return the number and the word in singular or plural."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


_NOT_IN_A_URL = re.compile(r"[\s<>\"'`\\\x00-\x20\x7f-\x9f]")


def web_address(url: str | None) -> str | None:
    """Return the address if a page may link to it: http(s), with a host, without a character that ends a link."""
    if not url or _NOT_IN_A_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None
