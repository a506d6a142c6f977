"""What people read about runs: values in, lines and tables of plain text out. How they look is `console`'s part."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, Literal

from testfleet.durations import human
from testfleet.runs import Artifact, Case, Detail, Run, Shard

MAX_CASES = 20
"""Causes shown of failures, and flaky cases; `show --json` has all."""

MAX_NAMES = 10
"""Names shown of the cases that share a cause."""

MAX_MESSAGE_LINES = 8
MAX_LINE = 300
"""Characters of one line of a message."""

Tone = Literal["plain", "good", "bad", "odd", "faint"]

TONES: dict[str, Tone] = {
    "passed": "good",
    "failed": "bad",
    "errored": "bad",
    "flaky": "odd",
    "interrupted": "odd",
    "cancelled": "odd",
    "running": "plain",
    "queued": "faint",
}

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EVIDENCE = ("trace", "screenshot", "video")
"""What shows best what happened comes first."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of text; `tones` colours a row as a whole."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[Tone, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, whole."""

    text: str
    tone: Tone = "plain"
    indent: int = field(default=0)


def clean(text: str) -> str:
    """The text without colours and control characters, which a test's error may hold and a terminal would obey."""
    return _ESCAPES.sub("", text)


def first_line(text: str | None) -> str:
    """The first line that says something."""
    lines = (line.strip() for line in clean(text or "").splitlines())
    return next((line for line in lines if line), "")


def one_line(text: str) -> str:
    """Return the text in one line, without terminal control sequences."""
    return " ".join(clean(text).split())


def as_json(value: object, *, ensure_ascii: bool = False) -> str:
    """Values as JSON: keys are the columns' names, times are ISO 8601 in UTC, durations are milliseconds.

    Infinity and NaN, which JSON lacks, are null.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=ensure_ascii, allow_nan=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summary(run: Run) -> Line:
    """The run in one line: what, verdict, how long, how much."""
    counts = [f"{count} {name}" for name in ("passed", "failed", "errored", "skipped") if (count := getattr(run, name))]
    parts = [f"{clean(run.run_id)} {clean(run.suite or '-')}: {run.status}"]
    if took := _took(run):
        parts[0] += f" in {took}"
    parts.append(f"{run.shards_done} of {run.shards or '?'} shards")
    parts.append(f"{run.total} cases" + (f": {', '.join(counts)}" if counts else ""))
    if run.flaky:
        parts.append(f"{run.flaky} flaky")
    if run.p95_ms is not None:
        parts.append(f"p95 {human(run.p95_ms)}")
    if run.detail:
        parts.append(first_line(run.detail))
    return Line(" · ".join(parts), TONES[run.status])


def verdict(detail: Detail) -> list[Line]:
    """The run in one line, then why it is not green: for the developer who has ten seconds."""
    lines = [summary(detail.run)]
    lines += [
        Line(f"shard {shard.shard}: {shard.status}{_why(shard)}", TONES[shard.status])
        for shard in detail.shards
        if shard.status in {"errored", "interrupted", "cancelled"}
    ]
    causes = by_cause(detail.failing)
    if len(causes) < len(detail.failing):
        lines.append(Line(f"{_count(len(detail.failing), 'failure')}, {_count(len(causes), 'cause')}", "bad"))
    for label, groups in (("FAILED", causes), ("FLAKY", tuple((case,) for case in detail.flaky))):
        for group in groups[:MAX_CASES]:
            lines += _cause(label, group, detail.artifacts)
        if len(groups) > MAX_CASES:
            more = sum(len(group) for group in groups[MAX_CASES:])
            lines.append(Line(f"… and {more} more: testfleet show {clean(detail.run.run_id)} --json"))
    return lines


def by_cause(cases: Sequence[Case]) -> tuple[tuple[Case, ...], ...]:
    """The cases grouped by fingerprint, the largest group first; a case without one is a group of its own."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.fingerprint or f"case {case.name}", []).append(case)
    return tuple(tuple(group) for group in sorted(groups.values(), key=len, reverse=True))


def _cause(label: str, cases: Sequence[Case], artifacts: Sequence[Artifact]) -> list[Line]:
    case, *others = cases
    tried = f" · {case.tries} tries" if case.tries > 1 else ""
    tone: Tone = "odd" if case.flaky else "bad"
    count = f" {len(cases)} cases, first" if others else ""
    lines = [Line(f"{label}{count} {one_line(case.name)} ({human(case.duration_ms)}{tried})", tone)]
    lines += [Line(text, indent=1) for text in _message(case)]
    if place := one_line(case.location or case.file or ""):
        lines.append(Line(place, "faint", indent=1))
    lines += [Line(clean(uri), "faint", indent=1) for uri in evidence(case, artifacts)]
    if others:
        lines.append(Line("likewise:", "faint", indent=1))
        lines += [Line(_with_place(other), "faint", indent=2) for other in others[:MAX_NAMES]]
    if len(others) > MAX_NAMES:
        lines.append(Line(f"… and {len(others) - MAX_NAMES} more", "faint", indent=2))
    return lines


def _message(case: Case) -> list[str]:
    """Return the lines of the failure, which begin with the exception's name."""
    told = [line.rstrip() for line in clean(case.message or "").splitlines() if line.strip()]
    lines = [line[:MAX_LINE] + ("…" if len(line) > MAX_LINE else "") for line in told[:MAX_MESSAGE_LINES]]
    lines = lines or list(filter(None, [first_line(case.error) or first_line(case.error_type)]))
    kind = re.split(r"[.\\]", one_line(case.error_type or ""))[-1]
    if case.message and kind.endswith(("Error", "Exception")) and kind != "Error" and kind not in case.message:
        lines[0] = f"{kind}: {lines[0]}"
    return lines


def _with_place(case: Case) -> str:
    place = one_line(case.location or "")
    return f"{one_line(case.name)} ({place})" if place else one_line(case.name)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def evidence(case: Case, artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Where to look: the case's traces of its own attempt, or else its screenshots, or else its videos."""
    own = [file for file in artifacts if file.case_name == case.name and file.attempt == case.attempt]
    found = (tuple(file.s3_uri for file in own if file.kind == kind) for kind in _EVIDENCE)
    return next((uris for uris in found if uris), ())


def missing(detail: Detail | None) -> list[str]:
    """Which shards an unfinished run still waits for."""
    if detail is None:
        return ["the database has no such run: the id may be wrong, or no pod has claimed a shard of it yet"]
    claimed = {shard.shard for shard in detail.shards}
    lines = [
        f"shard {shard.shard} is {shard.status} (attempt {shard.attempt} on {clean(shard.worker)})"
        for shard in detail.shards
        if shard.status in {"running", "interrupted"}
    ]
    never = [str(shard) for shard in range(1, (detail.run.shards or 0) + 1) if shard not in claimed]
    if never:
        lines.append(f"never claimed: shard {', '.join(never[:MAX_CASES])}{' …' if len(never) > MAX_CASES else ''}")
    return lines


def runs(found: Sequence[Run]) -> Table:
    return Table(
        ("RUN", "SUITE", "STATUS", "SHARDS", "CASES", "FAILED", "FLAKY", "P95", "TOOK", "BRANCH", "COMMIT", "STARTED"),
        tuple(
            (
                clean(run.run_id),
                clean(run.suite or "-"),
                run.status,
                f"{run.shards_done}/{run.shards or '?'}",
                str(run.total),
                str(run.failed + run.errored),
                str(run.flaky),
                human(run.p95_ms),
                _took(run) or "-",
                clean(run.branch or "-"),
                clean(run.commit or "-")[:12],
                _time(run.started_at or run.queued_at),
            )
            for run in found
        ),
        tuple(TONES[run.status] for run in found),
    )


def shards(found: Sequence[Shard]) -> Table:
    return Table(
        ("SHARD", "STATUS", "ATTEMPT", "CASES", "OUTCOME", "EXIT", "STARTED", "WORKER", "DETAIL"),
        tuple(
            (
                str(shard.shard),
                shard.status,
                str(shard.attempt),
                str(shard.cases),
                shard.outcome or "-",
                "-" if shard.exit_code is None else str(shard.exit_code),
                _time(shard.started_at),
                clean(shard.worker),
                first_line(shard.detail) or "-",
            )
            for shard in found
        ),
        tuple(TONES[shard.status] for shard in found),
        title="Shards",
    )


def artifacts(found: Sequence[Artifact]) -> Table:
    return Table(
        ("KIND", "SIZE", "SHARD", "ATTEMPT", "URI"),
        tuple((file.kind, size(file.bytes), str(file.shard), str(file.attempt), clean(file.s3_uri)) for file in found),
        tuple("plain" for _ in found),
        title="Artifacts",
    )


def size(count: int) -> str:
    """Bytes in the largest unit that leaves a figure of at least 1: `812 B`, `1.4 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004  # SI's own step
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _why(shard: Shard) -> str:
    facts = [
        first_line(shard.detail),
        shard.outcome or "",
        "" if shard.exit_code is None else f"exit {shard.exit_code}",
    ]
    known = ", ".join(fact for fact in facts if fact and fact != "finished")
    return f" ({known})" if known else ""


def _took(run: Run) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    return human((run.finished_at - run.started_at).total_seconds() * 1000)


def _time(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else "-"
