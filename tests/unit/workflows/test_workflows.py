"""The workflows: their commands, permissions, pins and filters."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.evidence import EVIDENCE
from tests.support.images import RELEASED

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
CI, CLUSTER, RELEASE = (ROOT / ".github" / "workflows" / f"{name}.yaml" for name in ("ci", "cluster", "release"))


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


def commands(file: Path) -> list[str]:
    return [step["run"] for job in jobs(file).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_command_is_a_target_of_the_makefile(file: Path) -> None:
    """A developer can run each step of a workflow by the same command."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands(file)
    for command in commands(file):
        assert command.split()[0] == "make"
        assert command.split()[1] in targets


def test_the_workflows_lint_test_and_use_a_cluster() -> None:
    called = {command.split()[1] for file in WORKFLOWS for command in commands(file)}
    assert called == {"lint", "test", "kind-up", "test-cluster", "sign"}


def test_ci_runs_each_test_folder_once() -> None:
    """The folders run side by side. A folder that no part names would not run at all."""
    parts = jobs(CI)["test"]["strategy"]["matrix"]["tests"]
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    acceptance = {str(file.parent.relative_to(ROOT)) for file in (ROOT / "tests" / "acceptance").glob("*/test_*.py")}
    assert sorted(" ".join(parts).split()) == sorted({*configured, *acceptance} - {"tests/acceptance"})


def test_a_change_of_an_image_or_of_the_manifests_runs_the_cluster_tests() -> None:
    """The images hold what .dockerignore lets into the build."""
    filters = yaml.safe_load(CLUSTER.read_text())[True]["pull_request"]["paths"]  # YAML 1.1 reads `on` as true
    built = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    built -= {"LICENSE", "README.md", "docker/uv.txt", "package.json"}  # documents, and files that the rest covers
    manifests = {"deploy/keda", "docker", "tests/cluster", "tests/support"}
    assert {name.removesuffix("/**") for name in filters} == built | manifests


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read_and_ends_in_time(file: Path) -> None:
    """The token changes nothing, and a hang ends before GitHub's limit of six hours."""
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs(file).values())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit(file: Path) -> None:
    """A tag can be moved to other code. The comment names the version of the commit."""
    uses = re.findall(r"uses: (.*)", file.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_a_release_publishes_every_image_of_an_installation_with_sbom_and_signature() -> None:
    """The signature is for a digest, because a tag can be moved to another image."""
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
    """It writes packages and signatures, and not the repository."""
    writing = {
        name: {scope for scope, access in job.get("permissions", {}).items() if access == "write"}
        for file in WORKFLOWS
        for name, job in jobs(file).items()
    }
    assert {name: scopes for name, scopes in writing.items() if scopes} == {
        "image": {"packages", "id-token", "attestations"}
    }


def test_renovate_keeps_every_kind_of_pin_fresh() -> None:
    """The pins are digests of images, commits of actions, and uv with its hashes."""
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


def test_the_cluster_workflow_uploads_the_evidence_of_a_failure() -> None:
    (upload,) = [step for step in jobs(CLUSTER)["cluster"]["steps"] if "if" in step]
    assert (upload["if"], upload["with"]["path"]) == ("failure()", str(EVIDENCE))


def test_the_script_for_kind_names_a_missing_program(tmp_path: Path) -> None:
    """It prints one line before it makes anything, and exits with the code for an unavailable system."""
    script = ROOT / "tests" / "cluster" / "kind-up"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    done = subprocess.run(
        ["/bin/bash", str(script)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (69, "kind-up: docker is not installed\n")
