"""The version of Landlock in the kernel (https://docs.kernel.org/userspace-api/landlock.html)."""

import ctypes
import sys
from typing import Final

LEAST_ABI: Final = 2
"""Linux 5.19. Version 1 denies every rename from one folder to another."""

CREATE_RULESET: Final = 444
"""Number of the system call landlock_create_ruleset, on every architecture."""
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION


def abi() -> int:
    """Return the version of Landlock's interface, or 0 if the kernel has no Landlock or has not enabled it."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None)
    libc.syscall.restype = ctypes.c_long
    answer: int = libc.syscall(ctypes.c_long(CREATE_RULESET), None, ctypes.c_long(0), ctypes.c_long(_VERSION))
    return max(answer, 0)
