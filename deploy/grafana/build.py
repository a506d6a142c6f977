"""Builds the dashboards: `python deploy/grafana/build.py` writes `dashboards/*.json`.

Each panel is one SQL statement over the tables and the views of `migrations/`; what "flaky" or "regression" means is
said there and nowhere else. The JSON is committed, and a test holds it against this file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "grafana-postgresql-datasource", "uid": "testfleet"}
SCHEMA_VERSION = 39
"""Of Grafana 11; newer ones migrate it when they load it."""
COLUMNS = 24
"""The width of Grafana's grid."""

RUN = "/d/testfleet-run?var-run_id=${__data.fields.run_id}"
HERE = "suite IN (${suite:sqlstring}) AND coalesce(branch, '(none)') IN (${branch:sqlstring})"
VERDICT = "finished_at IS NOT NULL AND status <> 'cancelled'"
"""A cancelled run has an end and no verdict."""


@dataclass(frozen=True)
class Panel:
    """One picture of one statement. `width` of 24 columns; `unit` is Grafana's name (`ms`, `percentunit`, `s`)."""

    title: str
    sql: str
    kind: Literal["timeseries", "stat", "table", "barchart"] = "table"
    width: int = COLUMNS
    height: int = 8
    unit: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page of panels; `by_run` has the one variable `run_id` in place of suite and branch."""

    slug: str
    title: str
    panels: Sequence[Panel]
    by_run: bool = False
    tags: Sequence[str] = field(default=("testfleet",))


OVERVIEW = Dashboard(
    "overview",
    "Overview",
    [
        Panel(
            "Runs now",
            f"SELECT count(*) AS runs FROM test_runs WHERE status IN ('queued', 'running') AND {HERE}",
            "stat",
            width=6,
            height=4,
        ),
        Panel(
            "Runs passed",
            "SELECT count(*) FILTER (WHERE status = 'passed')::float / nullif(count(*), 0) AS passed FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
            unit="percentunit",
        ),
        Panel(
            "Cases run",
            "SELECT sum(total - skipped) AS cases FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
        ),
        Panel(
            "Runs without a verdict",
            "SELECT count(*) AS errored FROM test_runs "
            f"WHERE status = 'errored' AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
            description="Errored runs tested nothing or broke off: look at their detail before you look at the tests.",
        ),
        Panel(
            "Pass rate",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, "
            "sum(passed)::float / nullif(sum(passed + failed + errored), 0) AS value FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            unit="percentunit",
            description="Cases that passed, of those that ran, by day.",
        ),
        Panel(
            "Failures since the last green commit",
            "SELECT suite, branch, name, failures, first_failed_at, first_failed_commit, last_run_id AS run_id, "
            "left(coalesce(last_message, last_error), 200) AS message, last_location AS location "
            f"FROM failures_since_green WHERE {HERE} "
            "ORDER BY first_failed_at DESC, suite, name LIMIT 100",
        ),
        Panel(
            "Latest runs",
            "SELECT run_id, suite, branch, commit, status, total, failed, errored, flaky, started_at, "
            "finished_at, detail "
            f"FROM test_runs WHERE $__timeFilter(coalesce(started_at, queued_at, finished_at)) AND {HERE} "
            "ORDER BY coalesce(started_at, queued_at, finished_at) DESC, run_id LIMIT 50",
        ),
    ],
)

SUITE = Dashboard(
    "suite",
    "Suite",
    [
        Panel(
            "p95",
            "SELECT started_at AS time, suite AS metric, p95_ms AS value FROM test_runs "
            f"WHERE {VERDICT} AND p95_ms IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="ms",
            description="95th percentile of case durations; for k6 of http_req_duration.",
        ),
        Panel(
            "Run duration",
            "SELECT started_at AS time, suite AS metric, run_seconds AS value FROM run_fleet "
            f"WHERE finished_at IS NOT NULL AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="s",
        ),
        Panel(
            "Regressions",
            "SELECT suite, branch, name, left(coalesce(message, error), 200) AS message, location, run_id, commit, "
            "green_run_id, green_commit "
            f"FROM regressions WHERE latest AND {HERE} ORDER BY suite, branch, name LIMIT 200",
            description="Fails in the suite's newest run, passed in its last green run on the branch.",
        ),
        Panel(
            "Slowest cases",
            "SELECT suite, name, count(*) AS runs, percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) AS "
            "median_ms, "
            "percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms FROM case_history "
            f"WHERE duration_ms IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "GROUP BY suite, name ORDER BY p95_ms DESC, suite, name LIMIT 20",
        ),
    ],
)

FLAKY = Dashboard(
    "flaky",
    "Flaky",
    [
        Panel(
            "Top 10 flaky cases",
            "SELECT suite, name, count(*) AS flaky_runs, count(DISTINCT commit) AS commits, "
            "count(*) FILTER (WHERE passed_after_failing) AS passed_after_failing, "
            "count(*) FILTER (WHERE both_outcomes) AS both_outcomes, "
            "(array_agg(run_id ORDER BY started_at DESC, run_id DESC))[1] AS run_id FROM flaky_cases "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY suite, name ORDER BY flaky_runs DESC, suite, "
            f"name LIMIT 10",
            description="Passed after failing within a run, or both outcomes on one commit.",
        ),
        Panel(
            "Flaky cases by day",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, count(DISTINCT name) AS value FROM "
            "flaky_cases "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
        ),
        Panel(
            "Switches",
            "SELECT suite, branch, name, count(*) FILTER (WHERE switched) AS switches, count(*) AS runs FROM "
            "case_history "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY suite, branch, name "
            "HAVING bool_or(switched) ORDER BY switches DESC, suite, branch, name LIMIT 20",
            description="How often a case's outcome differed from that of the suite's run before, on one branch.",
        ),
    ],
)

FLEET = Dashboard(
    "fleet",
    "Fleet",
    [
        Panel(
            "Queue wait",
            "SELECT started_at AS time, suite AS metric, queue_seconds AS value FROM run_fleet "
            f"WHERE queue_seconds IS NOT NULL AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="s",
            description="From enqueue to the first claim.",
        ),
        Panel(
            "Shard imbalance",
            "SELECT started_at AS time, suite AS metric, imbalance AS value FROM run_fleet "
            f"WHERE imbalance IS NOT NULL AND shards > 1 AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            description="The slowest shard's time over the mean: 1 is even.",
        ),
        Panel(
            "Attempts beyond the first",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, sum(attempts - shards) AS value "
            f"FROM run_fleet WHERE finished_at IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            width=12,
            description="Shards that were run again because a pod or a node was lost.",
        ),
        Panel(
            "Runs with repeated shards",
            "SELECT run_id, suite, branch, shards, repeated_shards, attempts, started_at FROM run_fleet "
            f"WHERE repeated_shards > 0 AND $__timeFilter(started_at) AND {HERE} ORDER BY started_at DESC, "
            f"run_id LIMIT 50",
            width=12,
        ),
    ],
)

ONE_RUN = Dashboard(
    "run",
    "Run",
    [
        Panel(
            "Run",
            "SELECT suite, branch, commit, target_url, status, detail, shards_done, shards, total, passed, "
            "failed, errored, "
            "skipped, flaky, p95_ms, queued_at, started_at, finished_at FROM test_runs WHERE run_id = "
            "${run_id:sqlstring}",
            height=4,
        ),
        Panel(
            "Failed and flaky cases",
            "SELECT name, status, left(coalesce(message, error), 400) AS message, "
            "coalesce(location, file) AS location, flaky, tries, duration_ms, error_type, left(error, 400) AS error "
            "FROM test_cases "
            "WHERE run_id = ${run_id:sqlstring} AND (flaky OR status IN ('failed', 'errored')) ORDER BY flaky, name",
        ),
        Panel(
            "Shards",
            "SELECT shard, attempt, status, outcome, exit_code, cases, worker, detail, started_at, finished_at "
            "FROM test_shards WHERE run_id = ${run_id:sqlstring} ORDER BY shard",
        ),
        Panel(
            "Files",
            "SELECT kind, case_name, s3_uri, bytes, content_type, shard, attempt FROM artifacts "
            "WHERE run_id = ${run_id:sqlstring} ORDER BY shard, attempt, s3_uri",
        ),
    ],
    by_run=True,
)

DASHBOARDS = (OVERVIEW, SUITE, FLAKY, FLEET, ONE_RUN)


def render(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
    return {
        "uid": f"testfleet-{dashboard.slug}",
        "title": f"testfleet / {dashboard.title}",
        "tags": list(dashboard.tags),
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["testfleet"], "title": "testfleet", "asDropdown": True}],
        "templating": {"list": _variables(dashboard)},
        "panels": _place(dashboard.panels),
    }


def _variables(dashboard: Dashboard) -> list[dict[str, Any]]:
    if dashboard.by_run:
        return [{"name": "run_id", "label": "Run", "type": "textbox", "query": ""}]
    return [
        _choice("suite", "Suite", "SELECT DISTINCT suite FROM test_runs WHERE suite IS NOT NULL ORDER BY 1"),
        _choice("branch", "Branch", "SELECT DISTINCT coalesce(branch, '(none)') FROM test_runs ORDER BY 1"),
    ]


def _choice(name: str, label: str, sql: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": sql,
        "refresh": 2,  # whenever the time range changes
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _place(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Lay the panels out in rows from left to right."""
    placed, x, y, row_height = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit} if panel.unit else {}
    to_run = {"title": "Show the run", "url": RUN}
    link_to_run = {"matcher": {"id": "byName", "options": "run_id"}, "properties": [{"id": "links", "value": [to_run]}]}
    return {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": [link_to_run] if panel.kind == "table" else []},
        "targets": [
            {
                "refId": "A",
                "datasource": SOURCE,
                "editorMode": "code",
                "rawQuery": True,
                "format": "time_series" if panel.kind == "timeseries" else "table",
                "rawSql": panel.sql,
            }
        ],
    }


def main() -> None:
    """Write every dashboard as `dashboards/{slug}.json`."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.slug}.json").write_text(json.dumps(render(dashboard), indent=2) + "\n")


if __name__ == "__main__":
    main()
