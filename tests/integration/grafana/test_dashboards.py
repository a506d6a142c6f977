"""The dashboards: each panel's SQL runs, and returns the figures of the generated history."""

import json
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from deploy.grafana.build import DASHBOARDS
from deploy.grafana.model import COLUMNS, Dashboard
from deploy.grafana.render import RUN, render
from tests.support.history import BRANCHES, START, SUITES, History, PastRun

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
END = START + timedelta(days=60)
BAD = {"failed", "errored"}


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


def ran(run: PastRun) -> list[Any]:
    return [case for case in run.cases if case.status != "skipped"]


def flaky(history: History) -> list[tuple[PastRun, str]]:
    """Return the flaky cases by the definition: passed after failing in a run, or both outcomes on one commit."""
    outcomes = defaultdict(set)
    for run in history.runs:
        for case in ran(run):
            outcomes[run.suite, run.commit, case.name].add(case.status == "passed")
    return [
        (run, case.name)
        for run in history.runs
        for case in ran(run)
        if case.flaky or (run.commit is not None and len(outcomes[run.suite, run.commit, case.name]) == 2)
    ]


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.slug)
def test_the_committed_json_is_that_of_the_code(board: Dashboard) -> None:
    """A change of a panel needs a run of `python -m deploy.grafana.build`."""
    assert json.loads((GRAFANA / "dashboards" / f"{board.slug}.json").read_text()) == render(board)


def test_the_folder_holds_no_other_dashboard() -> None:
    """The JSON of a dashboard that the code no longer has is removed, too."""
    assert {path.stem for path in (GRAFANA / "dashboards").iterdir()} == {board.slug for board in DASHBOARDS}


def test_panels_of_a_dashboard_never_overlap() -> None:
    """Grafana would move overlapping panels."""
    for board in DASHBOARDS:
        cells = Counter(
            (x, y)
            for panel in render(board)["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
        assert max(cells.values()) == 1
        assert max(x for x, _ in cells) < COLUMNS


@pytest.mark.parametrize("title", [panel.title for _, panel in PANELS])
def test_each_panel_returns_rows(title: str, history: History) -> None:
    """Every statement runs and returns rows, because the history contains each kind of result."""
    assert ask(history, title, run_id=next(run.run_id for run in history.runs if run.count("failed")))


@pytest.mark.parametrize("title", [panel.title for board, panel in PANELS if not board.by_run and panel.kind != "stat"])
def test_each_panel_shows_the_chosen_suite_and_branch_only(title: str, history: History) -> None:
    """Every panel uses both variables."""
    for row in ask(history, title, suites=("search",), branches=(None,)):
        assert row.get("suite", row.get("metric")) == "search"
        assert row.get("branch") is None
    assert ask(history, title, suites=("no such suite",)) == []


def test_every_table_with_runs_links_to_the_run() -> None:
    """A panel with run ids has the link, and its target dashboard has the variable that the link sets."""
    targets = {f"/d/{render(board)['uid']}" for board in DASHBOARDS if board.by_run}
    assert RUN.partition("?")[0] in targets
    for board in DASHBOARDS:
        for panel in render(board)["panels"]:
            if re.search(r"\brun_id\b(?=[, ].*FROM)|AS run_id\b", panel["targets"][0]["rawSql"]) and not board.by_run:
                assert RUN in json.dumps(panel["fieldConfig"])


def test_runs_now_counts_runs_without_a_verdict(history: History) -> None:
    """One run of the history is still running."""
    assert ask(history, "Runs now") == [{"runs": 1}]


def test_pass_rate_is_of_the_cases_that_ran(history: History) -> None:
    """Skipped cases do not count."""
    counts: dict[tuple[datetime, str], Counter[str]] = defaultdict(Counter)
    for run in history.runs:
        day = run.started_at.replace(hour=0)
        counts[day, run.suite].update(case.status for case in run.cases)
    expected = {
        key: count["passed"] / (count["passed"] + count["failed"] + count["errored"]) for key, count in counts.items()
    }
    shown = {(row["time"], row["metric"]): row["value"] for row in ask(history, "Pass rate")}
    assert shown == pytest.approx(expected)


def test_failures_since_green_are_those_after_the_last_green_run(history: History) -> None:
    """Failures before the last green run and failures of running runs do not count."""
    expected: Counter[tuple[str, str | None, str]] = Counter()
    for suite in SUITES:
        for branch in BRANCHES:
            runs = history.of(suite, branch)
            last_green = max((n for n, run in enumerate(runs) if run.status == "passed"), default=-1)
            expected.update(
                (suite, branch, case.name) for run in runs[last_green + 1 :] for case in run.cases if case.status in BAD
            )
    shown = {
        (row["suite"], row["branch"], row["name"]): row["failures"]
        for row in ask(history, "Failures since the last green commit")
    }
    assert shown == expected


def test_regressions_fail_now_and_passed_in_the_last_green_run(history: History) -> None:
    """The newest finished run of the suite on the branch counts."""
    expected = set()
    for suite in SUITES:
        for branch in BRANCHES:
            *before, newest = history.of(suite, branch)
            green = [run for run in before if run.status == "passed"][-1:]
            passed = {case.name for run in green for case in run.cases if case.status == "passed"}
            expected |= {
                (newest.run_id, case.name, green[0].run_id)
                for case in newest.cases
                if case.status in BAD and case.name in passed
            }
    shown = {(row["run_id"], row["name"], row["green_run_id"]) for row in ask(history, "Regressions")}
    assert shown == expected
    assert expected, "the history must hold a regression"


def test_top_10_flaky_counts_the_runs_that_were_flaky(history: History) -> None:
    """The test has its own definition of flaky, from the documentation."""
    expected = Counter((run.suite, name) for run, name in flaky(history))
    shown = {(row["suite"], row["name"]): row["flaky_runs"] for row in ask(history, "Top 10 flaky cases")}
    assert shown == dict(expected.most_common(10))


def test_switches_count_the_changes_of_outcome_on_a_branch(history: History) -> None:
    """A skipped case is no switch."""
    expected: Counter[tuple[str, str | None, str]] = Counter()
    for suite in SUITES:
        for branch in BRANCHES:
            last: dict[str, bool] = {}
            for run in history.of(suite, branch):
                for case in ran(run):
                    passed = case.status == "passed"
                    expected[suite, branch, case.name] += last.get(case.name, passed) != passed
                    last[case.name] = passed
    shown = {(row["suite"], row["branch"], row["name"]): row["switches"] for row in ask(history, "Switches")}
    assert shown == +expected


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
