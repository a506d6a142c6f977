"""Trends of a suite."""

from collections.abc import Callable

from testfleet.output import units
from testfleet.output.blocks import Line, Table
from testfleet.results.tables.cells import ABSENT, durations, name, percent
from testfleet.results.trends import Fleet, SuiteChange, Trends

EXPLANATION = (
    "Changes compare the last 7 days with the 30 before, in UTC. Cancelled runs count nowhere.",
    "PASSED: the share of passed runs among passed and failed ones. An errored run tested nothing and is apart.",
    "CASES: the share of cases that passed, in the same runs. P50, P95: quantiles of the runs' durations.",
    "queue: the mean wait until the first shard of a run was claimed.",
    "imbalance: the slowest shard's duration as a multiple of the mean shard's; 1 is even.",
    "attempts: executions of shards; more than the shards means that pods were lost.",
    "Slower cases: the median of the last ten passed executions is at least a fifth above that of the older half",
    "  of the last fifty, and the test of Mann and Whitney gives p < 0.01. docs/metrics.md has the formulas.",
)


def lines(found: Trends) -> list[Line]:
    """Return what changed, and what the runs took of the fleet."""
    result = [Line(f"{name(found.suite)} on {name(found.branch)}, last 7 days and the 30 before")]
    if change := found.change:
        result += [Line(text, indent=1) for text in _changes(change)]
    else:
        result.append(Line("no finished run in the last 37 days", "faint", indent=1))
    if found.fleet.runs:
        result.append(Line(_fleet(found.fleet), indent=1))
    return result


def days(found: Trends) -> Table:
    return Table(
        ("DAY", "RUNS", "FAILED", "ERRORED", "PASSED", "CASES", "P50", "P95"),
        tuple(
            (
                f"{day.day:%Y-%m-%d}",
                str(day.runs),
                str(day.failed),
                str(day.errored),
                percent(day.pass_rate),
                percent(day.case_pass_rate),
                _seconds(day.p50_seconds),
                _seconds(day.p95_seconds),
            )
            for day in found.days
        ),
        tuple("odd" if day.failed + day.errored else "plain" for day in found.days),
        title="Days",
    )


def slow(found: Trends) -> Table:
    return Table(
        ("CASE", "TOOK", "TIMES", "WHY"),
        tuple(
            (
                name(case.name),
                durations(case.median_ms_before, case.median_ms),
                f"{case.ratio:.1f}",
                f"Mann-Whitney p = {case.p_value:.2g} < 0.01",
            )
            for case in found.slow
        ),
        tuple("odd" for _ in found.slow),
        title="Slower cases",
    )


def _changes(change: SuiteChange) -> list[str]:
    return [
        f"runs: {change.runs}, before {change.runs_before}; errored: {change.errored}, before {change.errored_before}",
        f"passed: {_pair(percent, change.pass_rate_before, change.pass_rate)}",
        f"p50: {_pair(_seconds, change.p50_seconds_before, change.p50_seconds)}{_change(change.p50_change)}",
        f"p95: {_pair(_seconds, change.p95_seconds_before, change.p95_seconds)}{_change(change.p95_change)}",
    ]


def _fleet(fleet: Fleet) -> str:
    facts = [
        f"queue {_seconds(fleet.queue_seconds)}",
        f"imbalance {ABSENT if fleet.imbalance is None else f'{fleet.imbalance:.1f}'}",
        f"attempts {fleet.attempts} · repeated shards {fleet.repeated_shards}",
        f"pods {_seconds(fleet.pod_seconds)}",
        *([] if fleet.cost is None else [f"cost {fleet.cost:.2f} {name(fleet.currency)}"]),
    ]
    return "fleet: " + " · ".join(facts)


def _pair(show: Callable[[float | None], str], before: float | None, after: float | None) -> str:
    return f"{show(before)} → {show(after)}"


def _seconds(value: float | None) -> str:
    return units.duration(None if value is None else value * 1000)


def _change(value: float | None) -> str:
    return "" if value is None else f" ({value * 100:+.0f} %)"
