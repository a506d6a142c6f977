"""The versions of the tools that run a suite."""

import json
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from worker.catalog import RunnerName, Suite
from worker.runners import tools, versions

ALWAYS = {"python": platform.python_version(), "testfleet": metadata.version("testfleet")}


@pytest.fixture
def suite(tmp_path: Path) -> Callable[[RunnerName], Suite]:
    """Return a function that makes a suite of a runner."""

    def make(runner: RunnerName) -> Suite:
        command = ("true",) if runner == "command" else ()
        return Suite(name="mine", runner=runner, path=tmp_path, timeout=60, command=command)

    return make


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes a shell script the only program that is found."""
    file = tmp_path / "program"

    def write(script: str) -> None:
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setattr(tools, "on_path", lambda _: str(file))

    return write


def package(folder: Path, name: str, text: str) -> None:
    """Install an npm tool as npm does: a link to its script below its package.json."""
    home = folder / "node_modules" / name
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "cli.js").touch()
    (home / "package.json").write_text(text)
    links = folder / "node_modules" / ".bin"
    links.mkdir()
    (links / name).symlink_to(home / "bin" / "cli.js")


def test_a_command_has_the_versions_of_python_and_testfleet(suite: Callable[[RunnerName], Suite]) -> None:
    """Only the suite's own code knows its tools."""
    assert versions.of_suite(suite("command")) == ALWAYS


def test_pytest_is_that_of_this_python(suite: Callable[[RunnerName], Suite]) -> None:
    assert versions.of_suite(suite("pytest")) == ALWAYS | {"pytest": pytest.__version__}


def test_k6_prints_its_version(suite: Callable[[RunnerName], Suite], program: Callable[[str], None]) -> None:
    program('[ "$1" = version ] && echo "k6 v1.1.0 (commit/0e3fb953be, go1.24.4, linux/amd64)"')
    assert versions.of_suite(suite("k6")) == ALWAYS | {"k6": "1.1.0"}


@pytest.mark.parametrize("runner", ["playwright", "newman"])
def test_an_npm_tool_is_read_from_its_package(
    runner: RunnerName, suite: Callable[[RunnerName], Suite], program: Callable[[str], None], tmp_path: Path
) -> None:
    """Node prints its own version. The tool's process, which takes a second, need not start."""
    program("echo v22.11.0")
    package(tmp_path, runner, json.dumps({"version": "1.50.0-beta.2"}))
    assert versions.of_suite(suite(runner)) == ALWAYS | {"node": "22.11.0", runner: "1.50.0-beta.2"}


@pytest.mark.parametrize("script", ["exit 1", "echo no version here", "kill -9 $$", "printf '\\377\\000'", "sleep 60"])
def test_a_tool_that_does_not_answer_has_no_version(
    script: str, suite: Callable[[RunnerName], Suite], program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "TOOL_SECONDS", 0.3)
    program(f"exec {script}" if script.startswith("sleep") else script)
    assert versions.of_suite(suite("k6")) == ALWAYS


@pytest.mark.parametrize("text", ["", "[]", '{"version": 7}', '{"name": "x"}', "[" * 100_000])
def test_a_broken_package_has_no_version(
    text: str, suite: Callable[[RunnerName], Suite], program: Callable[[str], None], tmp_path: Path
) -> None:
    """The file may belong to the suite, which can write anything to it."""
    program("echo v22.11.0")
    package(tmp_path, "newman", text)
    assert versions.of_suite(suite("newman")) == ALWAYS | {"node": "22.11.0"}


def test_a_machine_without_the_tool_has_no_version(
    suite: Callable[[RunnerName], Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "on_path", lambda _: None)
    assert versions.of_suite(suite("playwright")) == ALWAYS


def test_a_tool_gets_no_credential_of_the_worker(
    suite: Callable[[RunnerName], Suite], program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    program('[ -z "$AWS_SECRET_ACCESS_KEY" ] && echo v1.2.3')
    assert versions.of_suite(suite("k6"))["k6"] == "1.2.3"


def test_a_version_that_the_record_cannot_hold_is_left_out(
    suite: Callable[[RunnerName], Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reporter would refuse the whole outcome."""
    monkeypatch.setattr(metadata, "version", lambda _: "1!2.0")
    assert versions.of_suite(suite("pytest")) == {"python": platform.python_version()}


def test_a_version_is_a_short_word() -> None:
    """It is stored and shown, and the text around it may hold anything."""
    assert versions.parse("tool v1.2.3\x1b[31m <b>") == "1.2.3"
    assert versions.parse("1") is None
