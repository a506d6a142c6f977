"""The version of the installed package."""

from importlib import metadata


def text() -> str:
    """Return the program's name and version."""
    return f"testfleet {metadata.version('testfleet')}"
