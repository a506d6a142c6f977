"""Names of environment variables."""

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

ALLOWED = "the name must be of A-Z a-z 0-9 _, with no leading digit"


def is_name(name: str) -> bool:
    """Return whether every shell and every tool can read a variable of this name."""
    return _NAME.fullmatch(name) is not None
