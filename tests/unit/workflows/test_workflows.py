"""The workflows call what is there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


def commands(file: Path) -> list[str]:
    return [step["run"] for job in jobs(file).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_command_is_a_target_of_the_makefile(file: Path) -> None:
    """What runs there is what people run here."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands(file)
    for command in commands(file):
        assert command.split()[0] == "make"
        assert command.split()[1] in targets


def test_lint_tests_and_cluster_are_all_run() -> None:
    """None of the three is forgotten."""
    called = {command.split()[1] for file in WORKFLOWS for command in commands(file)}
    assert called == {"lint", "test", "kind-up", "test-cluster"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read_and_ends_in_time(file: Path) -> None:
    """Its token can change nothing, and a hang costs no six hours."""
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs(file).values())


def test_what_a_failure_leaves_is_what_is_uploaded() -> None:
    """Both name the same folder."""
    from tests.cluster.conftest import EVIDENCE  # noqa: PLC0415  # its hooks must not be this session's

    (upload,) = [step for step in jobs(ROOT / ".github/workflows/cluster.yaml")["cluster"]["steps"] if "if" in step]
    assert (upload["if"], upload["with"]["path"]) == ("failure()", str(EVIDENCE))


def test_the_script_for_kind_says_what_is_missing(tmp_path: Path) -> None:
    """Before it makes anything: one line, and the exit code for what is out of reach."""
    script = ROOT / "tests" / "cluster" / "kind-up"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    done = subprocess.run(
        ["/bin/bash", str(script)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (69, "kind-up: docker is not installed\n")
