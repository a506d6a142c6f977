"""What of the cluster's tests can be tested without one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import facts
from tests.cluster.evidence import collect
from tests.cluster.kubectl import KubectlError, forwarding, kubectl, why_not
from tests.cluster.overlay import REPOSITORY, throw_away, with_values
from tests.unit.keda.built import containers, env, objects, of_kind, one
from tests.unit.keda.test_pod_security import violations
from tests.unit.keda.test_schemas import check
from worker import catalog


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kubectl that knows no cluster."""
    if why_not() == "kubectl is not installed":
        pytest.skip("kubectl is not installed")
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: http://127.0.0.1:9}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(config))


@pytest.mark.usefixtures("nowhere")
def test_a_cluster_that_does_not_answer_is_the_reason() -> None:
    """Nothing is waited for, and nothing fails."""
    assert (why_not() or "").startswith("no cluster answers: ")
    with pytest.raises(KubectlError):
        kubectl("get", "nodes")


def test_a_missing_kubectl_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for before anything else."""
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert why_not() == "kubectl is not installed"
    with pytest.raises(KubectlError):
        kubectl("get", "nodes")


@pytest.mark.usefixtures("nowhere")
def test_the_whole_suite_is_skipped_with_the_reason() -> None:
    """As `make test-cluster` prints it, with exit code 0; a pipeline asks for a failure instead."""
    argv = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/cluster"]
    done = subprocess.run(argv, cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "no cluster answers: " in done.stdout
    assert " skipped" in done.stdout.splitlines()[-1]
    assert "passed" not in done.stdout.splitlines()[-1]
    needed = subprocess.run(
        argv, cwd=REPOSITORY, env=os.environ | {"TESTFLEET_NEEDS_CLUSTER": "1"}, capture_output=True, check=False
    )
    assert needed.returncode == 1


@pytest.mark.usefixtures("nowhere")
def test_evidence_that_cannot_be_had_is_told_in_its_file(tmp_path: Path) -> None:
    """A cluster that went away is what a failed test may be about."""
    collect(tmp_path / "evidence")
    assert (tmp_path / "evidence" / "objects.yaml").read_text().startswith("kubectl get pods,jobs,")


def test_the_throw_away_overlay_is_the_kind_overlay_with_suites_of_ours(tmp_path: Path) -> None:
    """Its objects hold to the same rules, its images are those that were asked for, its catalog is one."""
    overlay = throw_away(tmp_path, registry="registry.example.com:5000/qa", tag="1.2.3")
    manifests = objects(overlay)
    for each in manifests:
        check(each)
    job = one(manifests, "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]
    pod = job["template"]["spec"]
    assert not list(violations(pod))
    images = {name: each["image"].rpartition("/")[2] for name, each in containers(pod).items()}
    assert images == {
        "config": "testfleet:1.2.3",
        "check": "testfleet:1.2.3",
        "reporter": "testfleet:1.2.3",
        "worker": "all:1.2.3",
    }
    assert {each["image"].rpartition("/")[0] for each in containers(pod).values()} == {"registry.example.com:5000/qa"}
    worker, reporter = env(containers(pod)["worker"]), env(containers(pod)["reporter"])
    assert worker["WORKER_CATALOG"] == "/test-suites/catalog.toml"
    assert worker["WORKER_VISIBILITY_TIMEOUT"] == reporter["REPORTER_LEASE"]
    (suites,) = [each for each in of_kind(manifests, "ConfigMap") if each["metadata"]["name"] == "suites"]
    folder = tmp_path / "suites"
    folder.mkdir()
    for name, text in suites["data"].items():
        (folder / name).write_text(text)
    assert set(catalog.load(folder / "catalog.toml")) == {"steps", "probe"}


def test_other_lines_of_an_env_file_stay() -> None:
    """Comments with an equals sign among them."""
    assert with_values("# a=b\nA=1\nAB=2\n", A="x=y") == "# a=b\nA=x=y\nAB=2\n"


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("Forwarding from 127.0.0.1:40123 -> 5000\n", {5000: 40123}),
        ("Forwarding from [::1]:40123 -> 5000\n", {}),
        ("Handling connection for 40123\n", {}),
        ("\n", {}),
    ],
)
def test_forwarded_ports_are_read(line: str, ports: dict[int, int]) -> None:
    """As kubectl prints them, one line for each address."""
    assert forwarding(line) == ports


def pod(**states: dict[str, Any]) -> dict[str, Any]:
    """A pod's status, of which the worker is the main container."""
    every = [{"name": name, "state": state} for name, state in states.items()]
    main = [each for each in every if each["name"] == "worker"]
    return {
        "metadata": {"ownerReferences": [{"kind": "Job", "uid": "j-1"}]},
        "status": {
            "phase": "Running",
            "initContainerStatuses": [each for each in every if each not in main],
            "containerStatuses": main,
        },
    }


def test_the_facts_of_a_pod_are_read() -> None:
    """Which containers have ended and how, whose pod it is, and whether it is over."""
    found = pod(check={"terminated": {"exitCode": 0}}, reporter={"running": {}}, worker={"waiting": {}})
    assert facts.exit_codes(found) == {"check": 0}
    assert facts.job_of(found) == "j-1"
    over = {"status": {"phase": "Succeeded"}}
    assert facts.active([found, over, {"status": {}}]) == [found, {"status": {}}]
