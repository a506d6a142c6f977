"""The workflows call what is there."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.evidence import EVIDENCE
from tests.support.images import RELEASED

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
RELEASE = ROOT / ".github" / "workflows" / "release.yaml"


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
    assert called == {"lint", "test", "kind-up", "test-cluster", "sign"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read_and_ends_in_time(file: Path) -> None:
    """Its token can change nothing, and a hang costs no six hours."""
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs(file).values())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit(file: Path) -> None:
    """A tag can be moved to other code; the comment names the version that the commit is of."""
    uses = re.findall(r"uses: (.*)", file.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_a_release_publishes_what_an_installation_runs_with_sbom_and_signature() -> None:
    """The images of bake's group `release`, signed by digest: a tag could be another image by then."""
    (job,) = jobs(RELEASE).values()
    assert set(job["strategy"]["matrix"]["image"]) == RELEASED | {"codebuild"}
    steps = {step["uses"].partition("@")[0]: step.get("with", {}) for step in job["steps"] if "uses" in step}
    build = steps["docker/build-push-action"]
    assert (build["push"], build["sbom"], build["provenance"]) == (True, True, "mode=max")
    assert build["target"] == "${{ matrix.image }}"
    digest = "${{ steps.build.outputs.digest }}"
    assert steps["actions/attest-build-provenance"]["subject-digest"] == digest
    (sign,) = commands(RELEASE)
    assert sign.startswith('make sign IMAGE="ghcr.io/${GITHUB_REPOSITORY,,}/')  # an owner's name may have capitals
    assert f'DIGEST="{digest}"' in sign


def test_only_the_job_that_publishes_may_write() -> None:
    """Packages and signatures; not the repository."""
    writing = {
        name: {scope for scope, access in job.get("permissions", {}).items() if access == "write"}
        for file in WORKFLOWS
        for name, job in jobs(file).items()
    }
    assert {name: scopes for name, scopes in writing.items() if scopes} == {
        "image": {"packages", "id-token", "attestations"}
    }


def test_renovate_keeps_every_kind_of_pin_fresh() -> None:
    """Digests of images, commits of actions, and uv with its hashes."""
    config = json.loads((ROOT / "renovate.json").read_text())
    assert {"docker:pinDigests", "helpers:pinGitHubActionDigestsToSemver"} <= set(config["extends"])
    (pattern,) = config["pip_requirements"]["managerFilePatterns"]
    assert re.search(pattern.strip("/"), "docker/uv.txt")
    for manager in config["customManagers"]:
        for pattern in manager["managerFilePatterns"]:
            (file,) = [
                each for each in ("docs/runbook.md", "tests/cluster/kind-up") if re.search(pattern.strip("/"), each)
            ]
            (expression,) = manager["matchStrings"]
            found = re.findall(expression.replace("(?<", "(?P<"), (ROOT / file).read_text())
            assert set(found) == {"2.20.2"}, file


def test_what_a_failure_leaves_is_what_is_uploaded() -> None:
    """Both name the same folder."""
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
