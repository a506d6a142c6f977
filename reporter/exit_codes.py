"""Exit codes of the reporter's programs. A reporter that SIGTERM stops exits with 0."""

from typing import Final

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL, of the init containers: AWS did not answer. A retry may succeed."""

BAD_CONFIGURATION: Final = 78
"""EX_CONFIG: a setting is invalid. The program did nothing."""
