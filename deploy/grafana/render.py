"""Renders a dashboard as Grafana's JSON model."""

from collections.abc import Sequence
from typing import Any

from deploy.grafana.model import COLUMNS, Dashboard, Panel

SOURCE = {"type": "grafana-postgresql-datasource", "uid": "testfleet"}
SCHEMA_VERSION = 39
"""The schema version of Grafana 11. Newer versions migrate the model when they load it."""

RUN = "/d/testfleet-run?var-run_id=${__data.fields.run_id}"
"""The link from a table's row to the dashboard of its run."""


def render(dashboard: Dashboard) -> dict[str, Any]:
    """Return the dashboard as Grafana's JSON model."""
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
