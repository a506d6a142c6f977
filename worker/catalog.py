"""The suite catalog: which suites there are and how each is run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

RunnerName = Literal["playwright", "k6", "newman", "pytest", "command"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite of the catalog. `path` is absolute; `timeout` is in seconds."""

    name: str
    runner: RunnerName
    path: Path
    timeout: float
    secret: str | None = None
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
