"""The type of the fixture `command`."""

import subprocess
from typing import Protocol


class Command(Protocol):
    """Runs `testfleet` with these arguments to its end."""

    def __call__(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]": ...
