"""Panels and dashboards, and the conditions that their statements share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

COLUMNS = 24
"""The width of Grafana's grid."""

HERE = "suite IN (${suite:sqlstring}) AND coalesce(nullif(branch, ''), '(none)') IN (${branch:sqlstring})"
"""The rows of the suites and branches that the viewer chose. In the summaries, no branch is the empty text."""

VERDICT = "finished_at IS NOT NULL AND status <> 'cancelled'"
"""The runs with a verdict. A cancelled run has an end and no verdict."""

TESTED = "status IN ('passed', 'failed')"
"""The runs that tested something. An errored run tested nothing or broke off."""


@dataclass(frozen=True)
class Panel:
    """One picture of one SQL statement. `width` is in columns. `unit` is Grafana's name: `ms`, `percentunit`, `s`."""

    title: str
    sql: str
    kind: Literal["timeseries", "stat", "table", "barchart"] = "table"
    width: int = COLUMNS
    height: int = 8
    unit: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page of panels. With `by_run`, its only variable is `run_id`; otherwise they are suite and branch."""

    slug: str
    title: str
    panels: Sequence[Panel]
    by_run: bool = False
    tags: Sequence[str] = field(default=("testfleet",))
