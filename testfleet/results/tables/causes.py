"""Causes of failures."""

from collections.abc import Sequence

from testfleet.output.blocks import Line, Table
from testfleet.results.causes import Cause, RunCauses
from testfleet.results.tables.cells import ABSENT, day, name, words

EXPLANATION = (
    "Failures have one cause if their messages are the same, or nearly the same, without the values of one run:",
    "  numbers, times, ids, paths and addresses. Failures without a message have no known cause.",
    "TOTAL: failures of the cause in all finished runs. FIRST, LAST: the days on which it was seen.",
    "OWNER: of most of its failures, from CODEOWNERS or the catalog.",
)


def line(found: RunCauses) -> Line:
    """Return the number of failures and of their causes."""
    if not found.failures:
        return Line(f"{name(found.run_id)} has no failures, or was not compared with earlier runs", "good")
    failures = f"{found.failures} {'failure' if found.failures == 1 else 'failures'}"
    return Line(f"{name(found.run_id)}: {failures}, {found.causes} {'cause' if found.causes == 1 else 'causes'}", "bad")


def of_run(found: RunCauses) -> Table:
    return Table(
        ("FAILURES", "NEW", "WHY", "FIRST CASE", "TOTAL", "FIRST", "SUITES", "OWNER"),
        tuple(
            (
                str(cause.failures),
                str(cause.new_failures),
                words(cause.example) if cause.cause_id is not None else "unknown",
                name(cause.case_name),
                ABSENT if cause.occurrences is None else str(cause.occurrences),
                day(cause.first_seen_at),
                suites(cause.suites),
                words(cause.owner),
            )
            for cause in found.rows
        ),
        tuple("bad" if cause.new_failures else "odd" for cause in found.rows),
    )


def newest(found: Sequence[Cause]) -> Table:
    return Table(
        ("TOTAL", "WHY", "FIRST", "LAST", "LAST RUN", "SUITES", "OWNER"),
        tuple(
            (
                str(cause.occurrences),
                words(cause.example),
                day(cause.first_seen_at),
                day(cause.last_seen_at),
                name(cause.last_run_id),
                suites(cause.suites),
                words(cause.owner),
            )
            for cause in found
        ),
        tuple("plain" for _ in found),
    )


def suites(found: Sequence[str]) -> str:
    """Return the names of up to three suites."""
    shown = ", ".join(words(suite) for suite in found[:3])
    return f"{shown}, {len(found) - 3} more" if len(found) > 3 else shown or ABSENT  # noqa: PLR2004  # as above
