"""Find the versions of the tools that run a suite. A version that can't be found is left out."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from handoff.records import VERSION
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import tools

TOOL_SECONDS = 5
"""Maximum time for a tool to print its version. A tool that is installed takes a tenth of a second."""

_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9A-Za-z+_-]+)+)")
_ALLOWED = re.compile(VERSION)
_MAX_PACKAGE = 1 << 20
"""Maximum bytes of a package.json, which may be a file of the suite."""
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")


def of_suite(suite: Suite) -> dict[str, str]:
    """Return the versions by name: Python, testfleet, and the tools of the suite's runner.

    A suite of the runner `command` has tools that only its own code knows.
    """
    return {name: version for name, version in _found(suite) if version and _ALLOWED.fullmatch(version)}


def _found(suite: Suite) -> Iterator[tuple[str, str | None]]:
    yield "python", platform.python_version()
    yield "testfleet", _distribution("testfleet")
    match suite.runner:
        case "pytest":
            yield "pytest", _distribution("pytest")
        case "k6":
            yield "k6", _printed(tools.on_path("k6"), "version")
        case "playwright" | "newman":
            yield "node", _printed(tools.on_path("node"), "--version")
            yield suite.runner, _package(suite.runner, suite.path)


def _distribution(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(program: str, suite: Path) -> str | None:
    """Return the version in the package.json nearest to the script of an npm tool. Its Node process need not start."""
    try:
        script = Path(tools.node_command(program, suite)[1])
        for folder in script.parents:
            if (file := folder / "package.json").is_file():
                with file.open(encoding="utf-8") as text:
                    content = json.loads(text.read(_MAX_PACKAGE))
                return parse(str(content["version"])) if isinstance(content, Mapping) else None
    except (CannotPlan, OSError, ValueError, KeyError, RecursionError):
        return None
    return None


def _printed(program: str | None, argument: str) -> str | None:
    if program is None:
        return None
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}  # none of the worker's credentials
    try:
        done = subprocess.run(
            [program, argument],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=env,
            check=True,
            timeout=TOOL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse(done.stdout.decode(errors="replace"))


def parse(text: str) -> str | None:
    """Return the first version of a text, without a leading v."""
    match = _VERSION.search(text)
    return match[1] if match else None
