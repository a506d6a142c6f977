"""The browser of the sample suites: an installed Chromium or Chrome, Playwright's own, or the distribution's package.

`python -m testfleet.local.samples.browser` makes sure that there is one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

EXECUTABLE: Final = "PLAYWRIGHT_CHROMIUM_EXECUTABLE"
"""The environment variable that names the browser to the sample suites; unset, Playwright uses its own download."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str | None:
    """The path of an installed browser, as told by the environment or found in the usual places."""
    told = os.environ.get(EXECUTABLE)
    if told:
        return told
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path), None) or next((path for path in PLACES if Path(path).exists()), None)


def main() -> int:
    """Find a browser, or get one: first Playwright's own download, then the distribution's package."""
    browser = find_browser()
    if browser:
        sys.stdout.write(f"browser: {browser}\n")
        return 0
    attempts = [["npx", "playwright", "install", "chromium"]]
    if shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        attempts.append([*sudo, "apt-get", "update"])
        attempts.append([*sudo, "apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
    for argv in attempts:
        ended = subprocess.run(argv, check=False)
        if ended.returncode == 0 and argv[-1] == "chromium":
            return 0
    sys.stderr.write(f"browser: none could be installed; install Chromium or Chrome, or set {EXECUTABLE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
