"""`testfleet doctor`: checks the environment that the command runs in.

Each module examines one system and returns findings; `examination` selects the systems.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.doctor import account, cluster, examination, finding, machine, programs, results

__all__ = ["account", "cluster", "examination", "finding", "machine", "programs", "results"]
__getattr__ = submodules(__name__, __all__)
