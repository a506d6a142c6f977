"""How the reporter's programs tell Kubernetes what is wrong. A reporter that was told to stop ends with 0."""

from typing import Final

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL, of the init containers: AWS did not answer, and the same may well succeed next time."""

BAD_CONFIGURATION: Final = 78
"""EX_CONFIG: a setting is wrong. Nothing was done."""
