"""The output of the command: lines and tables on a terminal or in a log, units, JSON."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.output import blocks, console, json_text, streams, units, workflow_commands

__all__ = ["blocks", "console", "json_text", "streams", "units", "workflow_commands"]
__getattr__ = submodules(__name__, __all__)
