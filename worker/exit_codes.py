"""How the worker tells Kubernetes what became of the message. A red suite is a result, not a failed Job."""

from typing import Final

HANDLED: Final = 0
"""Green or red tests, no message, a rejected message, already complete, busy, superseded."""

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL: the message becomes visible after a back-off; at its last receive it is dead-lettered with a reason."""

BAD_CONFIGURATION: Final = 78
"""EX_CONFIG: a setting or the catalog is wrong; nothing was received."""

INTERRUPTED: Final = 143
"""128 + SIGTERM: the pod is going away; the message is visible again."""
