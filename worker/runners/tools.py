"""Find the test tools."""

import os
import shutil
import sys
from pathlib import Path

from worker.errors import CannotPlan


def on_path(program: str) -> str | None:
    """Return the absolute path of a program on PATH or beside this Python, or None."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def required(program: str) -> str:
    """Return the absolute path of a program, as `on_path`.

    Raises:
        CannotPlan: the program is not installed.
    """
    if (found := on_path(program)) is None:
        raise CannotPlan(f"{program}: must be installed and on PATH")
    return found


def node_command(program: str, suite: Path) -> tuple[str, str]:
    """Return Node and the script of an npm tool.

    The search covers each `node_modules` from the suite's folder upwards, then NODE_PATH, then PATH. The nearest comes
    first, because the suite's own `import` finds the same one. Some tools do not run with two copies of themselves.

    Raises:
        CannotPlan: Node or the tool is not installed.
    """
    node = required("node")
    for folder in (suite, *suite.parents):
        script = folder / "node_modules" / ".bin" / program
        if script.exists():
            return node, str(script.resolve())
    for entry in filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)):
        script = Path(entry, ".bin", program)
        if script.exists():
            return node, str(script.resolve())
    return node, str(Path(required(program)).resolve())
