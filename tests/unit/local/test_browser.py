"""The choice of the browser for the sample suites."""

from pathlib import Path

import pytest

from testfleet.local.samples.browser import EXECUTABLE, find_browser


def test_the_environment_names_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may have several browsers."""
    monkeypatch.setenv(EXECUTABLE, "/opt/a/browser")
    assert find_browser() == "/opt/a/browser"


def test_an_installed_browser_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each distribution has its own name for Chromium."""
    monkeypatch.delenv(EXECUTABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert find_browser() == str(browser)
