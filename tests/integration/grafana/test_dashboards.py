"""The dashboards: each panel's SQL runs, and returns the figures of the generated history."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from deploy.grafana.build import DASHBOARDS
from tests.support import exact
from tests.support.history import BRANCHES, START, SUITES, History, PastRun
from tests.support.reference import Meaning

END = START + timedelta(days=60)


PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]


def quoted(values: Any) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def ask(
    history: History,
    title: str,
    *,
    suites: tuple[str, ...] = SUITES,
    branches: tuple[str | None, ...] = BRANCHES,
    run_id: str = "r-000",
) -> list[dict[str, Any]]:
    """Run a panel's statement with its macros and variables replaced, as Grafana does."""
    (sql,) = [panel.sql for _, panel in PANELS if panel.title == title]
    sql = re.sub(r"\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)", rf"\1 BETWEEN '{START}' AND '{END}'", sql)
    sql = sql.replace("${suite:sqlstring}", quoted(suites))
    sql = sql.replace("${branch:sqlstring}", quoted(branch or "(none)" for branch in branches))
    sql = sql.replace("${run_id:sqlstring}", quoted([run_id]))
    assert "$" not in sql
    with psycopg.connect(history.url, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


@pytest.fixture(scope="module")
def meaning(history: History) -> Meaning:
    """What the runs mean, by the tests' own definition."""
    known = Meaning()
    for run in history.runs:
        known.fold(run)
    return known


@pytest.mark.parametrize("title", [panel.title for _, panel in PANELS])
def test_each_panel_returns_rows(title: str, history: History) -> None:
    """Every statement runs and returns rows, because the history contains each kind of result."""
    assert ask(history, title, run_id=next(run.run_id for run in history.runs if run.count("failed")))


@pytest.mark.parametrize("title", [panel.title for board, panel in PANELS if not board.by_run and panel.kind != "stat"])
def test_each_panel_shows_the_chosen_suite_and_branch_only(title: str, history: History) -> None:
    """Every panel uses both variables."""
    for row in ask(history, title, suites=("search",), branches=(None,)):
        assert row.get("suite", row.get("metric")) == "search"
        assert not row.get("branch")
    assert ask(history, title, suites=("no such suite",)) == []


def test_runs_now_counts_runs_without_a_verdict(history: History) -> None:
    """One run of the history is still running."""
    assert ask(history, "Runs now") == [{"runs": 1}]


def test_pass_rate_is_of_the_cases_that_ran(history: History) -> None:
    """Skipped cases do not count."""
    counts: dict[tuple[datetime, str], Counter[str]] = defaultdict(Counter)
    for run in history.runs:
        day = run.started_at.replace(hour=0, minute=0)
        counts[day, run.suite].update(case.status for case in run.cases)
    expected = {
        key: count["passed"] / (count["passed"] + count["failed"] + count["errored"]) for key, count in counts.items()
    }
    shown = {(row["time"], row["metric"]): row["value"] for row in ask(history, "Pass rate")}
    assert shown == pytest.approx(expected)


def test_the_change_of_a_week_is_that_of_its_days(history: History) -> None:
    """The last seven UTC days with today, beside all days before."""
    today = datetime.now(UTC).date()
    shown = {(row["suite"], row["branch"] or None): row for row in ask(history, "Change of the last week")}
    for suite in SUITES:
        for branch in BRANCHES:
            parts: tuple[list[PastRun], list[PastRun]] = ([], [])
            for run in history.of(suite, branch):
                parts[today - run.day >= timedelta(days=7)].append(run)
            rates = [sum(run.status == "passed" for run in runs) / len(runs) for runs in parts]
            medians = [median((run.finished_at - run.started_at).total_seconds() for run in runs) for runs in parts]
            row = shown[suite, branch]
            assert row["runs"] == len(parts[0])
            assert row["pass_rate"] == pytest.approx(rates[0])
            assert row["pass_rate_change"] == pytest.approx(rates[0] - rates[1])
            assert row["p50_change"] == pytest.approx(medians[0] / medians[1] - 1)


def test_failures_since_green_are_those_of_the_last_executions(history: History, meaning: Meaning) -> None:
    """Each has the number of its failures in a row, and the commit of the first."""
    expected = {
        key: (case.streak, case.first_fail.commit) for key, case in meaning.cases.items() if case.first_fail is not None
    }
    shown = {
        (row["suite"], row["branch"] or None, row["name"]): (row["failures"], row["first_failed_commit"])
        for row in ask(history, "Failures since the last green commit")
    }
    assert shown == expected


def test_regressions_fail_now_and_passed_before(history: History, meaning: Meaning) -> None:
    """The newest finished run of the suite on the branch counts. Known flaky cases are no regressions."""
    expected = set()
    for (suite, branch, name), case in meaning.cases.items():
        newest = history.of(suite, branch)[-1]
        if meaning.kinds.get((newest.run_id, name)) in {"new", "broken"} and case.last_pass and case.first_fail:
            expected.add((newest.run_id, name, case.last_pass.commit, case.first_fail.commit, case.streak - 1))
    shown = {
        (row["run_id"], row["name"], row["last_pass_commit"], row["first_fail_commit"], row["runs_since"])
        for row in ask(history, "Regressions")
    }
    assert shown == expected
    assert "signs out" in {name for _, name, *_ in shown}


def test_states_are_counted_by_suite_and_branch(history: History, meaning: Meaning) -> None:
    """Broken before flaky before healthy."""
    now = datetime.now(UTC)
    counts: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for (suite, branch, _), case in meaning.cases.items():
        counts[suite, branch][case.state(now)] += 1
    for row in ask(history, "States"):
        count = counts.pop((row["suite"], row["branch"] or None))
        assert (row["broken"], row["flaky"], row["healthy"]) == (count["broken"], count["flaky"], count["healthy"])
    assert not counts


def test_flaky_cases_are_ranked_by_the_runs_that_they_blocked(history: History, meaning: Meaning) -> None:
    """Runs of any branch of the suite count. The minutes of a run are shared among its bad cases."""
    now = datetime.now(UTC)
    runs = {run.run_id: run for run in history.runs}
    expected = {}
    for (suite, branch, name), case in meaning.cases.items():
        blocked = [
            runs[run_id]
            for (run_id, failed), kind in meaning.kinds.items()
            if kind == "flaky" and failed == name and runs[run_id].suite == suite
        ]
        minutes = sum(
            (run.finished_at - run.started_at).total_seconds() / 60 / run.count("failed", "errored") for run in blocked
        )
        if case.state(now) == "flaky":
            expected[suite, branch, name] = (len(blocked), pytest.approx(minutes), case.reasons(now), case.flips)
    rows = ask(history, "Top 10 flaky cases")
    shown = {
        (row["suite"], row["branch"] or None, row["name"]): (
            row["runs_blocked"],
            row["minutes_lost"],
            row["reasons"],
            row["flips"],
        )
        for row in rows
    }
    ranks = [(row["runs_blocked"], row["minutes_lost"]) for row in rows]
    assert ranks == sorted(ranks, reverse=True)
    assert len(rows) == min(10, len(expected))
    assert shown == {key: expected[key] for key in shown}


def test_runs_blocked_by_flaky_cases_are_counted_by_day(history: History, meaning: Meaning) -> None:
    """A run with two known flaky failures counts once."""
    runs = {run.run_id: run for run in history.runs}
    blocked = {runs[run_id] for (run_id, _), kind in meaning.kinds.items() if kind == "flaky"}
    expected = Counter((run.finished_at.replace(hour=0, minute=0, second=0), run.suite) for run in blocked)
    shown = {(row["time"], row["metric"]): row["value"] for row in ask(history, "Runs blocked by flaky cases")}
    assert shown == expected


def test_flips_are_those_of_the_last_executions(history: History, meaning: Meaning) -> None:
    """Both branches of the history are default ones."""
    expected = {key: case.flips for key, case in meaning.cases.items() if case.flips}
    shown = {(row["suite"], row["branch"] or None, row["name"]): row["flips"] for row in ask(history, "Flips")}
    assert shown == {key: expected[key] for key in shown}
    assert len(shown) == min(20, len(expected))


def test_a_significant_drop_is_shown_with_its_rates(history: History) -> None:
    """`imports` never failed before and fails often now. The rates are those of the days up to the newest run."""
    rows = {(row["suite"], row["branch"] or None, row["name"]): row for row in ask(history, "Significant drops")}
    for suite in SUITES:
        for branch in BRANCHES:
            row = rows[suite, branch, "imports"]
            past = history.of(suite, branch)
            cases = [(run, case) for run in past for case in run.cases if case.name == "imports"]
            last_day = past[-1].finished_at.date()
            parts: tuple[list[bool], list[bool]] = ([], [])
            for run, case in cases:
                parts[last_day - run.finished_at.date() >= timedelta(days=7)].append(case.status == "passed")
            after, before = parts
            p = exact.fisher_less(sum(after), len(after) - sum(after), sum(before), len(before) - sum(before))
            assert row["p_value"] == pytest.approx(float(p))
            assert row["after_rate"] == pytest.approx(sum(after) / len(after))
            assert row["before_rate"] == pytest.approx(1)


def test_a_slower_case_is_found_on_each_branch(history: History) -> None:
    """The median of the last ten executions beside that of the older half."""
    rows = {(row["suite"], row["branch"] or None, row["name"]): row for row in ask(history, "Slower cases")}
    for suite in SUITES:
        for branch in BRANCHES:
            durations = [c.duration_ms for run in history.of(suite, branch) for c in run.cases if c.name == "exports"]
            row = rows.pop((suite, branch, "exports"))
            assert row["median_ms"] == pytest.approx(median(durations[-10:]), rel=1e-6)
            assert row["median_ms_before"] == pytest.approx(median(durations[: len(durations) // 2]), rel=1e-6)


def test_slowest_cases_are_those_of_the_last_fifty_executions(history: History) -> None:
    """Skipped cases have no duration."""
    rows = ask(history, "Slowest cases")
    for row in rows:
        durations = [
            case.duration_ms
            for run in history.of(row["suite"], row["branch"] or None)
            for case in run.cases
            if case.name == row["name"] and case.status != "skipped"
        ][-50:]
        assert row["p50_ms"] == pytest.approx(median(durations), rel=1e-6)
    assert [row["p95_ms"] for row in rows] == sorted((row["p95_ms"] for row in rows), reverse=True)


def test_queue_wait_is_from_enqueue_to_the_first_claim(history: History) -> None:
    """The panel has one point per run, in seconds."""
    expected = sorted((run.queued_at - run.started_at).total_seconds() * -1 for run in history.runs)
    waits = sorted(float(row["value"]) for row in ask(history, "Queue wait") if row["value"])
    assert waits == pytest.approx(expected)


def test_shard_imbalance_is_the_slowest_over_the_mean(history: History) -> None:
    """Runs with one shard are left out."""
    expected = sorted(
        max(run.shard_seconds) * len(run.shard_seconds) / sum(run.shard_seconds)
        for run in history.runs
        if len(run.shard_seconds) > 1
    )
    assert sorted(float(row["value"]) for row in ask(history, "Shard imbalance")) == pytest.approx(expected)


def test_attempts_beyond_the_first_add_up(history: History) -> None:
    """The sum covers the whole history."""
    expected = sum(sum(run.attempts) - len(run.attempts) for run in history.runs)
    assert sum(row["value"] for row in ask(history, "Attempts beyond the first")) == expected


def test_minutes_and_cost_of_the_fleet_are_those_of_the_shards(history: History) -> None:
    """A shard requests half a CPU and 2 GB for the time of its attempts."""
    seconds = sum(sum(run.shard_seconds) for run in history.runs)
    assert sum(row["value"] for row in ask(history, "Fleet minutes")) == pytest.approx(seconds / 60)
    cost = seconds / 3600 * (0.5 * 0.04 + 2 * 0.005)
    assert sum(row["value"] for row in ask(history, "Cost")) == pytest.approx(cost)
