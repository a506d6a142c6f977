"""The manifests with the real controllers of KEDA and Kubernetes: every result exists once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import facts
from tests.cluster.cluster import Cluster, eventually, evict, kill_worker, patch
from tests.cluster.kubectl import NAMESPACE, get, kubectl
from tests.cluster.overlay import SPEC

pytestmark = pytest.mark.timeout(1800)

CASES = 6
MESSAGES = 30
SURPLUS = 2
PAUSE = "60"
"""Seconds that a suite waits after its first half. The test acts as soon as the first half is stored."""


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster) -> dict[str, Any]:
    """Return the rows of an undisturbed run."""
    cluster.send("undisturbed", CASES=str(CASES))
    cluster.wait_until_finished("undisturbed")
    found = cluster.results("undisturbed")
    assert (found["run"]["status"], found["run"]["total"]) == ("passed", CASES)
    assert {file["kind"] for file in found["files"]} >= {"junit", "log"}
    return found


def test_thirty_messages_become_thirty_runs(cluster: Cluster) -> None:
    """Every row is right, at most two Jobs are surplus, both queues are empty, and no pod remains."""
    sizes = {f"r-{number}": 1 + number % 5 for number in range(MESSAGES)}
    before = facts.uids(get("jobs", "--selector", facts.RUNNER))
    with cluster.watching():
        for run_id, size in sizes.items():
            cluster.send(run_id, CASES=str(size))
        cluster.wait_until_finished(*sizes)
        cluster.wait_until_idle()
    runs = cluster.rows("SELECT run_id, total, status FROM test_runs WHERE run_id LIKE 'r-%%'")
    assert {row["run_id"]: row["total"] for row in runs} == sizes
    assert {row["status"] for row in runs} == {"passed"}
    counted = cluster.rows("SELECT run_id, count(*) FROM test_cases WHERE run_id LIKE 'r-%%' GROUP BY run_id")
    assert {row["run_id"]: row["count"] for row in counted} == sizes
    assert cluster.depth("test-jobs-dead") == (0, 0)
    assert MESSAGES <= len(cluster.jobs_ever - before) <= MESSAGES + SURPLUS


@pytest.mark.usefixtures("cluster")
def test_the_doctor_finds_keda_and_the_runner() -> None:
    """The real objects have the fields that `testfleet doctor` reads."""
    config = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    argv = [sys.executable, "-m", "testfleet", "doctor", "--json", "--namespace", NAMESPACE]
    done = subprocess.run(argv, env=os.environ | {"KUBECONFIG": config}, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    findings = {one["check"]: one for one in json.loads(done.stdout)}
    assert {name: findings[name]["status"] for name in ("kubernetes", "kernel", "keda", "scaledjob")} == dict.fromkeys(
        ("kubernetes", "kernel", "keda", "scaledjob"), "ok"
    ), findings
    assert findings["network policies"]["status"] in {"ok", "unknown"}


def test_a_pod_completes_with_its_sidecar(cluster: Cluster, undisturbed: dict[str, Any]) -> None:
    """The reporter gets SIGTERM after the worker has ended, and exits with 0. The files are in the bucket."""
    (shard,) = cluster.rows("SELECT worker FROM test_shards WHERE run_id = 'undisturbed'")
    (pod,) = [each for each in cluster.pods() if each["metadata"]["name"] == shard["worker"]]
    assert pod["status"]["phase"] == "Succeeded"
    assert facts.exit_codes(pod) == {"config": 0, "check": 0, "reporter": 0, "worker": 0}
    assert "note.txt" in {file["s3_uri"] for file in undisturbed["files"]}


def test_an_evicted_pod_is_replaced_by_its_job(cluster: Cluster, undisturbed: dict[str, Any]) -> None:
    """After a drain, the same Job creates another pod, and the rows are those of an undisturbed run."""
    cluster.send("evicted", CASES=str(CASES), PAUSE=PAUSE)
    pod = cluster.in_the_middle("evicted", CASES)
    evict(pod)
    cluster.wait_until_finished("evicted")
    assert cluster.results("evicted") == undisturbed
    assert cluster.attempt("evicted") == 2
    (shard,) = cluster.rows("SELECT worker FROM test_shards WHERE run_id = 'evicted'")
    (successor,) = [each for each in cluster.pods() if each["metadata"]["name"] == shard["worker"]]
    assert facts.job_of(successor) == facts.job_of(pod)


def delete(pod: facts.Object) -> None:
    """Kubernetes sees no disruption: the Job fails with 143, and KEDA creates the next one."""
    kubectl("delete", "pod", pod["metadata"]["name"], "--namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("disturb", [delete, kill_worker], ids=["deleted", "killed"])
def test_another_job_receives_the_message(
    cluster: Cluster, undisturbed: dict[str, Any], disturb: Callable[[facts.Object], None]
) -> None:
    """It does so at once if the worker released the message; after `kill -9`, after the visibility timeout."""
    run_id = f"another-{disturb.__name__}"
    cluster.send(run_id, CASES=str(CASES), PAUSE=PAUSE)
    disturb(cluster.in_the_middle(run_id, CASES))
    cluster.wait_until_finished(run_id)
    assert cluster.results(run_id) == undisturbed
    assert cluster.attempt(run_id) == 2


def test_finished_jobs_are_removed_after_their_ttl(cluster: Cluster) -> None:
    """Their pods are removed, too. The results stay in the database and the bucket."""
    cluster.send("tidied", CASES="1")
    cluster.wait_until_finished("tidied")
    cluster.wait_until_idle()
    eventually(lambda: not get("jobs", "--selector", facts.RUNNER), "every Job is gone")
    eventually(lambda: not cluster.pods(), "every pod is gone")


def test_a_suite_that_looks_for_credentials_gets_nothing(cluster: Cluster) -> None:
    """It searches its environment, files and other processes. It also cannot write to the handoff."""
    places = {"TOKEN": "/var/run/secrets/testfleet/token", "HANDOFF": "/handoff", "CONFIG": "/config"}
    aws = {"ENDPOINT": "http://testfleet-embedded.testfleet:5000", "QUEUE": cluster.queue_url()}
    cluster.send("probe", suite="probe", **places, **aws)
    cluster.wait_until_finished("probe")
    (file,) = cluster.rows("SELECT s3_uri FROM artifacts WHERE run_id = 'probe' AND s3_uri LIKE '%%/found.json'")
    bucket, _, key = file["s3_uri"].removeprefix("s3://").partition("/")
    found = json.loads(cluster.aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (found.pop("own"), found.pop("others"), found.pop("database")) == ([], [], [])
    assert found.pop("token through a link") == "None"  # a link is only a name
    assert found.pop("moved") == "OSError"  # a mount cannot be moved
    assert set(found.values()) == {"PermissionError", "NoCredentialsError"}


def test_a_bad_bucket_ends_the_pod_before_it_receives_a_message(cluster: Cluster) -> None:
    """The container that finds it logs one line. The message stays for the next deployment."""
    buckets = [f"{SPEC}/initContainers/{index}/env/3" for index in (1, 2)]
    good = [{"op": "test", "path": f"{each}/name", "value": "REPORTER_BUCKET"} for each in buckets]

    def to(bucket: str) -> list[dict[str, Any]]:
        return [*good, *({"op": "replace", "path": f"{each}/value", "value": bucket} for each in buckets)]

    patch("scaledjob", "testfleet-runner", *to("no-such-bucket"))
    try:
        cluster.send("waiting", CASES="1")
        failed = eventually(
            lambda: [pod for pod in cluster.pods() if facts.exit_codes(pod).get("check") == 78], "a pod has failed"
        )
        name = failed[0]["metadata"]["name"]
        output = kubectl("logs", name, "--namespace", NAMESPACE, "--container=check")
        assert output.startswith(
            "reporter: REPORTER_BUCKET: must be a bucket that exists for this role: no-such-bucket"
        )
        assert cluster.depth() == (1, 0)
    finally:
        patch("scaledjob", "testfleet-runner", *to("qa-artifacts"))
    cluster.wait_until_finished("waiting")
    assert cluster.attempt("waiting") == 1
