"""Where the test tools are installed."""

import os
import shutil
import sys
from pathlib import Path

from worker.errors import CannotPlan


def on_path(program: str) -> str | None:
    """The absolute path of a program that PATH knows, or that is installed beside this Python; None where neither."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def required(program: str) -> str:
    """As `on_path`.

    Raises:
        CannotPlan: the program is not installed.
    """
    if (found := on_path(program)) is None:
        raise CannotPlan(f"{program}: must be installed and on PATH")
    return found


def node_command(program: str, suite: Path) -> tuple[str, str]:
    """Node and the script of an npm tool.

    It is looked for in the nearest `node_modules` from the suite's folder upwards, then in NODE_PATH, then on PATH.
    The nearest one comes first because it is the one that the suite's own `import` finds, and some tools refuse to run
    with two copies of themselves.

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
