"""Renders runs as lines and tables of plain text. `output.console` adds colours."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from testfleet.output import units
from testfleet.output.blocks import TONES, Line, Table, Tone, clean, clean_line, first_line
from testfleet.results import meaning
from testfleet.results.meaning import Failure, RunMeaning
from testfleet.results.runs import ArtifactRow, CaseRow, RunDetail, RunRow, ShardRow

MAX_CASES = 20
"""Maximum number of causes of failure, and of flaky cases. `show --json` has all."""

MAX_NAMES = 10
"""Maximum number of names of cases that share a cause."""

MAX_MESSAGE_LINES = 8
MAX_LINE = 300
"""Maximum number of characters of one line of a message."""

_NEW = frozenset({"new", "new_case"})

_EVIDENCE = ("trace", "screenshot", "video")
"""Kinds of artifacts, the most useful first."""


def summary(run: RunRow) -> Line:
    """Return the run in one line: suite, status, duration, counts."""
    counts = [f"{count} {name}" for name in ("passed", "failed", "errored", "skipped") if (count := getattr(run, name))]
    parts = [f"{clean(run.run_id)} {clean(run.suite or '-')}: {run.status}"]
    if took := _took(run):
        parts[0] += f" in {took}"
    parts.append(f"{run.shards_done} of {run.shards or '?'} shards")
    parts.append(f"{_cases(run)} cases" + (f": {', '.join(counts)}" if counts else ""))
    if run.flaky:
        parts.append(f"{run.flaky} flaky")
    if run.p95_ms is not None:
        parts.append(f"p95 {units.duration(run.p95_ms)}")
    if run.detail:
        parts.append(first_line(run.detail))
    return Line(" · ".join(parts), TONES[run.status])


def verdict(detail: RunDetail) -> list[Line]:
    """Return the run in one line, then the reasons why it did not pass, and last what its failures mean."""
    lines = [summary(detail.run)]
    lines += [
        Line(f"shard {shard.shard}: {shard.status}{_why(shard)}", TONES[shard.status])
        for shard in detail.shards
        if shard.status in {"errored", "interrupted", "cancelled"}
    ]
    known = {failure.name: failure for failure in detail.failures or ()}
    causes = tuple(sorted(by_cause(detail.failing), key=lambda group: not _has_new(group, known)))
    if len(causes) < len(detail.failing):
        lines.append(Line(f"{_count(len(detail.failing), 'failure')}, {_count(len(causes), 'cause')}", "bad"))
    for label, groups in (("FAILED", causes), ("FLAKY", tuple((case,) for case in detail.flaky))):
        for group in groups[:MAX_CASES]:
            lines += _cause(label, group, detail.artifacts, known)
        if len(groups) > MAX_CASES:
            more = sum(len(group) for group in groups[MAX_CASES:])
            lines.append(Line(f"… and {more} more: testfleet show {clean(detail.run.run_id)} --json"))
    lines += _quarantine(detail)
    if detail.meaning and detail.meaning.sentence:
        lines.append(Line(detail.meaning.sentence, "bad" if _worrying(detail.meaning) else "odd"))
    return lines


def _quarantine(detail: RunDetail) -> list[Line]:
    """Return how many failures a quarantine covers, and whether that changed the run's verdict."""
    covered = sum(failure.quarantined for failure in detail.failures or ())
    if not covered:
        return []
    changed = "the run would have failed without it" if detail.run.status == "passed" else "the verdict is the same"
    return [Line(f"quarantine covers {_count(covered, 'failure')}: {changed}", "odd")]


def by_cause(cases: Sequence[CaseRow]) -> tuple[tuple[CaseRow, ...], ...]:
    """Group the cases by fingerprint, the largest group first. A case without a fingerprint is a group of its own."""
    groups: dict[str, list[CaseRow]] = {}
    for case in cases:
        groups.setdefault(case.fingerprint or f"case {case.name}", []).append(case)
    return tuple(tuple(group) for group in sorted(groups.values(), key=len, reverse=True))


def _has_new(cases: Sequence[CaseRow], known: Mapping[str, Failure]) -> bool:
    return any(case.name in known and known[case.name].kind in _NEW for case in cases)


def _worrying(found: RunMeaning) -> bool:
    return found.new + found.new_case + found.broken > 0


def _cause(
    label: str, cases: Sequence[CaseRow], artifacts: Sequence[ArtifactRow], known: Mapping[str, Failure]
) -> list[Line]:
    case, *others = cases
    kinds = dict.fromkeys(meaning.describe(known[one.name]) for one in cases if one.name in known)
    facts = [units.duration(case.duration_ms), *([f"{case.tries} tries"] if case.tries > 1 else []), *kinds]
    tone: Tone = "odd" if case.flaky else "bad"
    count = f" {len(cases)} cases, first" if others else ""
    lines = [Line(f"{label}{count} {clean_line(case.name)} ({' · '.join(facts)})", tone)]
    lines += [Line(text, indent=1) for text in _message(case)]
    if place := clean_line(case.location or case.file or ""):
        lines.append(Line(place, "faint", indent=1))
    lines += [Line(clean(uri), "faint", indent=1) for uri in evidence(case, artifacts)]
    if others:
        lines.append(Line("same cause:", "faint", indent=1))
        lines += [Line(_with_place(other), "faint", indent=2) for other in others[:MAX_NAMES]]
    if len(others) > MAX_NAMES:
        lines.append(Line(f"… and {len(others) - MAX_NAMES} more", "faint", indent=2))
    return lines


def _message(case: CaseRow) -> list[str]:
    """Return the lines of the failure. The first begins with the name of the exception."""
    given = [line.rstrip() for line in clean(case.message or "").splitlines() if line.strip()]
    lines = [line[:MAX_LINE] + ("…" if len(line) > MAX_LINE else "") for line in given[:MAX_MESSAGE_LINES]]
    lines = lines or list(filter(None, [first_line(case.error) or first_line(case.error_type)]))
    kind = re.split(r"[.\\]", clean_line(case.error_type or ""))[-1]
    if case.message and kind.endswith(("Error", "Exception")) and kind != "Error" and kind not in case.message:
        lines[0] = f"{kind}: {lines[0]}"
    return lines


def _with_place(case: CaseRow) -> str:
    place = clean_line(case.location or "")
    return f"{clean_line(case.name)} ({place})" if place else clean_line(case.name)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def evidence(case: CaseRow, artifacts: Sequence[ArtifactRow]) -> tuple[str, ...]:
    """Return the URIs of the case's traces in its attempt, or else of its screenshots, or else of its videos."""
    own = [file for file in artifacts if file.case_name == case.name and file.attempt == case.attempt]
    found = (tuple(file.s3_uri for file in own if file.kind == kind) for kind in _EVIDENCE)
    return next((uris for uris in found if uris), ())


def missing(detail: RunDetail | None) -> list[str]:
    """Return one line for each group of shards that an unfinished run waits for."""
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


def runs(found: Sequence[RunRow]) -> Table:
    return Table(
        ("RUN", "SUITE", "STATUS", "SHARDS", "CASES", "FAILED", "FLAKY", "P95", "TOOK", "BRANCH", "COMMIT", "STARTED"),
        tuple(
            (
                clean(run.run_id),
                clean(run.suite or "-"),
                run.status,
                f"{run.shards_done}/{run.shards or '?'}",
                _cases(run),
                str(run.failed + run.errored),
                str(run.flaky),
                units.duration(run.p95_ms),
                _took(run) or "-",
                clean(run.branch or "-"),
                clean(run.commit or "-")[:12],
                _time(run.started_at or run.queued_at),
            )
            for run in found
        ),
        tuple(TONES[run.status] for run in found),
    )


def shards(found: Sequence[ShardRow]) -> Table:
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


def artifacts(found: Sequence[ArtifactRow]) -> Table:
    return Table(
        ("KIND", "SIZE", "SHARD", "ATTEMPT", "URI"),
        tuple(
            (file.kind, units.size(file.bytes), str(file.shard), str(file.attempt), clean(file.s3_uri))
            for file in found
        ),
        tuple("plain" for _ in found),
        title="Artifacts",
    )


def _why(shard: ShardRow) -> str:
    facts = [
        first_line(shard.detail),
        shard.outcome or "",
        "" if shard.exit_code is None else f"exit {shard.exit_code}",
    ]
    known = ", ".join(fact for fact in facts if fact and fact != "finished")
    return f" ({known})" if known else ""


def _cases(run: RunRow) -> str:
    return f"{run.total} of usually {run.expected_cases}" if run.incomplete else str(run.total)


def _took(run: RunRow) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    return units.duration((run.finished_at - run.started_at).total_seconds() * 1000)


def _time(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else "-"
