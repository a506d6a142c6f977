"""A generated history of runs whose flaky cases, regressions, slowdowns and outages are known.

All modules but `store` are pure: one seeded `random.Random` and the end time are arguments, so that the same arguments
give the same rows. The labels are stored apart from the rows, and no detector reads them.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.seeding import generate, labels, store

__all__ = ["generate", "labels", "store"]
__getattr__ = submodules(__name__, __all__)
