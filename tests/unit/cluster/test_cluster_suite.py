"""What of the cluster's tests can be tested without one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import facts
from tests.cluster.cluster import eventually
from tests.cluster.evidence import collect
from tests.cluster.forward import LOST, forwarded, forwarding
from tests.cluster.kubectl import KubectlError, kubectl, why_not
from tests.cluster.overlay import REPOSITORY, served_by, throw_away, with_values
from tests.support import results
from tests.support.manifests import containers, env, objects, of_kind, one
from tests.support.pod_security import violations
from tests.support.schemas import check
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


@pytest.mark.parametrize(
    ("names", "image"),
    [(("testfleet", "embedded", "all"), "embedded"), (("testfleet", "all"), "testfleet"), ((), "embedded")],
    ids=["all three", "no embedded", "unknown"],
)
def test_the_platform_is_served_by_an_image_that_the_nodes_have(names: tuple[str, ...], image: str) -> None:
    """A cluster that pulls its images reports none before the first pod."""
    images = {f"localhost/testfleet/{name}:1" for name in names}
    assert served_by(images, registry="localhost/testfleet", tag="1") == image


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


FORWARDER = """#!{python}
import pathlib, signal, socket, sys
pairs = [word.split(":") for word in sys.argv[1:] if ":" in word]
log = pathlib.Path({log!r})
with log.open("a") as file:
    file.write(" ".join(sys.argv[1:]) + chr(10))
servers = [socket.create_server(("127.0.0.1", int(here or 0))) for here, _ in pairs]
for server, (_, there) in zip(servers, pairs):
    print(f"Forwarding from 127.0.0.1:{{server.getsockname()[1]}} -> {{there}}", flush=True)
connection, _ = servers[0].accept()
print("E1121 portforward.go:351] " + {lost!r}, file=sys.stderr, flush=True)
signal.pause()
"""
"""A kubectl that forwards until the first connection, then loses its pod and hangs."""


@pytest.fixture
def forwarder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which that kubectl writes its arguments, a line for each start."""
    log = tmp_path / "log"
    program = tmp_path / "kubectl"
    program.write_text(FORWARDER.format(python=sys.executable, log=str(log), lost=LOST))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return log


def test_a_broken_port_forward_is_started_anew_on_the_same_ports(forwarder: Path) -> None:
    """Twice; the tests' clients keep their addresses, and nothing is left when the block ends."""
    with forwarded("service/a", 5000, 5432) as ports:
        for number in range(3):
            _connect(ports[5000])
            deadline = time.monotonic() + 60
            while len(forwarder.read_text().splitlines()) < number + 2:
                assert time.monotonic() < deadline, "the tunnel is not started anew"
                time.sleep(0.02)
    pairs = f"{ports[5000]}:5000 {ports[5432]}:5432"
    first, *others = forwarder.read_text().splitlines()
    assert first == "port-forward --namespace testfleet service/a :5000 :5432"
    assert {each.removeprefix("port-forward --namespace testfleet service/a ") for each in others} == {pairs}
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", ports[5000]), timeout=10):
        pass


def test_a_port_forward_that_never_starts_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what kubectl printed."""
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'error: services \"a\" not found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubectlError, match='has ended: error: services "a" not found'), forwarded("service/a", 5000):
        pass


def test_what_is_waited_for_outlasts_a_database_that_is_away() -> None:
    """As while its port-forward is started anew: the query is repeated, and its error is no failure."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        nowhere = f"postgresql://postgres@127.0.0.1:{reserved.getsockname()[1]}/postgres"
    queries: Iterator[Callable[[], list[Any]]] = iter([lambda: results.rows(nowhere, "SELECT 1"), lambda: ["a row"]])

    def query() -> list[Any]:
        return next(queries)()

    assert eventually(query, "the database answers") == ["a row"]


def _connect(port: int) -> None:
    """Connect as soon as somewhere listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.02)
        else:
            return


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
