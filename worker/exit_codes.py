"""The worker's exit codes. A red suite is a result, not a failed Job."""

from typing import Final

HANDLED: Final = 0
"""Green or red tests, no message, a rejected message, already complete, busy, superseded, cancelled."""

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL: the message becomes visible after the back-off, or is dead-lettered at its last receive."""

BAD_CONFIGURATION: Final = 78
"""EX_CONFIG: a setting or the catalog is wrong. No message was received."""

INTERRUPTED: Final = 143
"""128 + SIGTERM: the pod is being stopped. The message is visible again."""
