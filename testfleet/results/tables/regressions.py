"""Regressions and significant drops."""

from testfleet.output.blocks import Line, Table
from testfleet.results.meaning import short_commit
from testfleet.results.regressions import Drop, Regression, Regressions
from testfleet.results.tables.cells import ABSENT, minute, name, percent, words
from testfleet.results.tables.history import KINDS

EXPLANATION = (
    "A regression is a case that fails in the run and passed before. It is new if it began to fail in this run.",
    "RUNS: failed executions before this run. SINCE: the commit at which the case began to fail, and its author.",
    "SUSPECTS: the defect came after the first commit, up to the second one.",
    "Known flaky cases, new cases, quarantined cases and cases that never passed are no regressions, nor is an outage.",
    "A drop: in 7 days, the case passed significantly less often than in the 30 days before (Fisher's exact test,",
    "  one-sided, p < 0.05, at least 3 failures and 5 percentage points). docs/metrics.md has the formula.",
)


def lines(found: Regressions) -> list[Line]:
    """Return one line with the number of regressions and of other failures."""
    where = f" in {name(found.run_id)}" if found.run_id else ""
    result = [] if found.failing else [Line(f"no regression{where}", "good")]
    apart = [
        f"{count} {'in an outage' if kind == 'outage' else KINDS[kind]}" for kind, count in found.set_apart.items()
    ]
    return [*result, *([Line(f"other failures: {', '.join(apart)}", "faint")] if apart else [])]


def failing(found: Regressions) -> Table:
    return Table(
        ("CASE", "SUITE", "KIND", "RUNS", "SINCE", "BY", "SUSPECTS", "WHY"),
        tuple(
            (
                name(one.name),
                name(one.suite),
                KINDS[one.kind],
                str(one.runs_since),
                short_commit(one.first_fail_commit or "") or minute(one.first_fail_at),
                words(one.first_fail_author),
                suspects(one),
                words(one.message),
            )
            for one in found.failing
        ),
        tuple("bad" for _ in found.failing),
        title="Failing",
    )


def drops(found: Regressions) -> Table:
    return Table(
        ("CASE", "SUITE", "PASSED", "BEFORE", "SINCE", "NOW", "WHY"),
        tuple(
            (
                name(one.name),
                name(one.suite),
                percent(one.after_rate),
                percent(one.before_rate),
                minute(one.opened_at),
                one.state,
                evidence(one),
            )
            for one in found.drops
        ),
        tuple("odd" for _ in found.drops),
        title="Significant drops",
    )


def suspects(one: Regression) -> str:
    """Return the range of commits that may have the defect, as git writes it."""
    if not one.first_fail_commit:
        return ABSENT
    if not one.last_pass_commit or one.last_pass_commit == one.first_fail_commit:
        return short_commit(one.first_fail_commit)
    return f"{short_commit(one.last_pass_commit)}..{short_commit(one.first_fail_commit)}"


def evidence(one: Drop) -> str:
    """Return the numbers that the test compared."""
    return (
        f"{one.failures} of {one.executions} failed in 7 days, {one.failures_before} of {one.executions_before} in the "
        f"30 days before; Fisher p = {one.p_value:.2g} < 0.05"
    )
