"""The server of the Model Context Protocol: the answers of the command as tools for a coding agent.

Only `server` imports the SDK, which is the extra `mcp`.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.mcp import answers, bounded, server

__all__ = ["answers", "bounded", "server"]
__getattr__ = submodules(__name__, __all__)
