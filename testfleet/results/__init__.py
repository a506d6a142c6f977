"""Runs in PostgreSQL: read them, wait for a verdict, cancel one, find out what they mean."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.results import (
        analysis_settings,
        cancel,
        causes,
        compare,
        completeness,
        failing,
        failures,
        gate,
        history,
        meaning,
        poller,
        progress,
        quarantine,
        references,
        regressions,
        render,
        render_facts,
        render_settings,
        run_id,
        runs,
        states,
        tables,
        trends,
    )

__all__ = [
    "analysis_settings",
    "cancel",
    "causes",
    "compare",
    "completeness",
    "failing",
    "failures",
    "gate",
    "history",
    "meaning",
    "poller",
    "progress",
    "quarantine",
    "references",
    "regressions",
    "render",
    "render_facts",
    "render_settings",
    "run_id",
    "runs",
    "states",
    "tables",
    "trends",
]
__getattr__ = submodules(__name__, __all__)
