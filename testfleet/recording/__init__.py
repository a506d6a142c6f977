"""Results that no pod writes: reports of other CI systems, and verdicts of abandoned shards.

The reporter's programs write them, as in a pod.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.recording import ingest, reporter_process, reports, sweep

__all__ = ["ingest", "reporter_process", "reports", "sweep"]
__getattr__ = submodules(__name__, __all__)
