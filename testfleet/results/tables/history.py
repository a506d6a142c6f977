"""The last executions of one case."""

from collections.abc import Sequence

from testfleet.output import units
from testfleet.output.blocks import TONES, Line, Table
from testfleet.results.history import CaseHistory, Execution
from testfleet.results.meaning import Kind, short_commit
from testfleet.results.tables.cells import ABSENT, minute, name, words
from testfleet.results.tables.states import STATE_TONES, why

EXPLANATION = (
    "STATUS: flaky means that the case passed after a failed try of the run. TRIES counts these tries.",
    "MEANING: of a failure, when its run got its verdict. new: the case passed before. new case: no run had it before.",
    "  flaky: it was known to be flaky. broken: it failed before. quarantined: a quarantine covered it.",
)

KINDS: dict[Kind, str] = {
    "new": "new",
    "new_case": "new case",
    "flaky": "known flaky",
    "broken": "broken before",
    "quarantined": "quarantined",
}


def lines(found: CaseHistory) -> list[Line]:
    """Return the name of the case, and its state with the evidence."""
    result = [Line(f"{name(found.suite)}: {name(found.name)}")]
    if state := found.state:
        facts = [
            f"{state.state} on {name(state.branch)}",
            *why(state),
            f"{state.failures} of {state.executions} executions failed",
            f"p50 {units.duration(state.p50_ms)}, p95 {units.duration(state.p95_ms)}",
            *([f"owner {name(state.owner)}"] if state.owner else []),
        ]
        result.append(Line(" · ".join(facts), STATE_TONES[state.state]))
    if not found.executions:
        result.append(Line("no run that still has its cases executed it", "faint"))
    return result


def table(executions: Sequence[Execution]) -> Table:
    statuses = tuple("flaky" if one.flaky and one.status == "passed" else one.status for one in executions)
    return Table(
        ("STARTED", "STATUS", "TRIES", "TOOK", "MEANING", "RUN", "BRANCH", "COMMIT", "WHY"),
        tuple(
            (
                minute(one.started_at),
                status,
                str(one.tries),
                units.duration(one.duration_ms),
                KINDS[one.kind] if one.kind else ABSENT,
                name(one.run_id),
                name(one.branch),
                short_commit(one.commit or ABSENT),
                words(one.message),
            )
            for one, status in zip(executions, statuses, strict=True)
        ),
        tuple(TONES.get(status, "plain") for status in statuses),
    )
