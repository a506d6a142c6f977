"""The browser of the sample suites: an installed Chromium or Chrome, Playwright's own, or the distribution's package.

`python -m testfleet.local.samples.browser` installs a browser if there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

EXECUTABLE: Final = "PLAYWRIGHT_CHROMIUM_EXECUTABLE"
"""The environment variable with the browser's path. If it is unset, Playwright uses its own download."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str | None:
    """Return the path of an installed browser: the value of the environment variable, or a browser in a usual place."""
    configured = os.environ.get(EXECUTABLE)
    if configured:
        return configured
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path), None) or next((path for path in PLACES if Path(path).exists()), None)


def main() -> int:
    """Find a browser or install one: first Playwright's own download, then the distribution's package."""
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
    sys.stderr.write(f"browser: not found, and not installable here; install Chromium or Chrome, or set {EXECUTABLE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
