"""The command line: one module for each command.

A command's module imports only what its options need. It uses the rooms (`results`, `queue`, …) through their
packages, which import a module at its first use.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.cli import connect, description, explanation, version

__all__ = ["connect", "description", "explanation", "version"]
__getattr__ = submodules(__name__, __all__)
