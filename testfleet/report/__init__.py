"""The report of one run in the formats of other tools. `reading` reads it; each renderer is a pure function of it."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.report import ctrf, html, junit, markdown, reading

__all__ = ["ctrf", "html", "junit", "markdown", "reading"]
__getattr__ = submodules(__name__, __all__)
