"""Answers about runs and cases as lines and tables of plain text. `output.console` adds colours."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.results.tables import causes, compare, history, quarantine, regressions, states, trends

__all__ = ["causes", "compare", "history", "quarantine", "regressions", "states", "trends"]
__getattr__ = submodules(__name__, __all__)
