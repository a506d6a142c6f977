"""Runs in PostgreSQL: read them, wait for a verdict, cancel one, find out what they mean."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.results import (
        cancel,
        gate,
        meaning,
        poller,
        progress,
        references,
        render,
        run_id,
        runs,
    )

__all__ = [
    "cancel",
    "gate",
    "meaning",
    "poller",
    "progress",
    "references",
    "render",
    "run_id",
    "runs",
]
__getattr__ = submodules(__name__, __all__)
