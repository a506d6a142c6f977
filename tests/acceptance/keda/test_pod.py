"""The pod of the manifests as processes, over the servers of the kind overlay."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.rows import dict_row

from runtime.landlock import LEAST_ABI, abi
from testfleet.local.samples.browser import find_browser
from tests.acceptance.keda.pod import DEADLINE, Pod
from tests.support.forks.popen import Popen, run_program
from tests.support.manifests import KEDA, containers, one, overlay
from tests.support.ports import free_ports

CATALOG = KEDA.parents[1] / "examples" / "suites" / "catalog.toml"
RUNNERS = {"smoke": "pytest", "api": "newman", "load": "k6", "checkout": "playwright"}
PORTS = {"aws": 5000, "database": 5432, "shop": 8080}


@dataclass(frozen=True)
class Embedded:
    """The servers of the overlay's Deployment, on free ports of this machine."""

    env: Mapping[str, str]
    hosts: Mapping[str, str]

    def testfleet(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command as a person does against a cluster."""
        return run_program(
            [sys.executable, "-m", "testfleet", *arguments],
            env=dict(self.env), capture_output=True, text=True, timeout=DEADLINE,
        )  # fmt: skip

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.env["TESTFLEET_DATABASE_URL"], row_factory=dict_row) as connection:
            return connection.execute(sql.encode()).fetchall()

    def waiting(self) -> tuple[int, int]:
        """Return how many messages wait and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = boto3.client(
            "sqs",
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name=self.env["AWS_REGION"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        found = sqs.get_queue_attributes(QueueUrl=self.env["TESTFLEET_QUEUE_URL"], AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


@pytest.fixture(scope="module")
def embedded(clean_env: dict[str, str]) -> Iterator[Embedded]:
    """The command of the Deployment, with ports that are free on this machine."""
    deployment = one(overlay("kind"), "Deployment", "testfleet-embedded")["spec"]["template"]["spec"]
    container = containers(deployment)["embedded"]
    assert container["startupProbe"]["exec"]["command"] == ["test", "-f", "/state/env"]
    host = container["command"][container["command"].index("--host") + 1]
    free = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        state = Path(folder) / "state"
        argv = [sys.executable, "-m", *container["command"][2:]]
        argv[argv.index(host)], argv[argv.index("/state")] = "127.0.0.1", str(state)
        ports = [part for name, port in free.items() for part in (f"--{name}-port", str(port))]
        with Popen([*argv, *ports], env=clean_env | {"TESTFLEET_SERVE_PASSWORD": "trial"}) as process:
            until((state / "env").exists, "everything is served", lambda: process.poll() is None)
            exports = dict(re.findall(r"^export (\w+)='(.*)'$", (state / "env").read_text(), re.MULTILINE))
            hosts = {f"{host}:{PORTS[name]}": f"127.0.0.1:{port}" for name, port in free.items()}
            yield Embedded(clean_env | exports, hosts)
            process.terminate()
        assert process.returncode == 0
        assert not (state / "env").exists()


def until(condition: Callable[[], bool], what: str, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert alive(), f"the servers ended before: {what}"
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def pod(embedded: Embedded, clean_env: dict[str, str], tmp_path: Path) -> Callable[..., Pod]:
    """Make a pod with the catalog and the browser of the image."""
    image = {"PLAYWRIGHT_CHROMIUM_EXECUTABLE": find_browser() or "", "WORKER_CATALOG": str(CATALOG)}
    kernel = {} if abi() >= LEAST_ABI else {"WORKER_SUITE_SANDBOX": "off"}
    return lambda **wrong: Pod(tmp_path / "pod", clean_env | image | kernel, embedded.hosts, wrong)


@pytest.mark.parametrize(
    ("suite", "verdict"), [("smoke", "passed"), ("api", "passed"), ("load", "passed"), ("checkout", "failed")]
)
def test_a_message_becomes_a_run(embedded: Embedded, pod: Callable[..., Pod], suite: str, verdict: str) -> None:
    """The job gets the target of the platform's secret, and each tool runs in the sandbox."""
    assert embedded.testfleet("enqueue", suite, "--run-id", f"r-{suite}").returncode == 0
    one_pod = pod()
    assert one_pod.run() == ("worker", 0), one_pod.output("worker")
    (run,) = embedded.rows(f"SELECT status, total, target_url, detail FROM test_runs WHERE run_id = 'r-{suite}'")
    (shop,) = [there for here, there in embedded.hosts.items() if here.endswith(":8080")]
    assert (run["status"], run["target_url"]) == (verdict, f"http://{shop}"), run["detail"]
    assert run["total"] > 0
    assert embedded.waiting() == (0, 0)
    (shard,) = embedded.rows(
        f"SELECT image_digest, cpu_millis, memory_mib, tools FROM test_shards WHERE run_id = 'r-{suite}'"
    )
    worker = containers(one_pod.spec)["worker"]
    assert worker["image"].endswith(f":{shard['image_digest']}")
    assert (shard["cpu_millis"], shard["memory_mib"]) == (500 + 100, 1024 + 256)
    assert {"python", RUNNERS[suite]} <= set(shard["tools"])


def test_the_worker_gets_no_address_of_the_database(embedded: Embedded, pod: Callable[..., Pod]) -> None:
    """The address is in the reporter's part of the folder, which the worker's container does not mount."""
    assert embedded.testfleet("enqueue", "smoke", "--run-id", "r-config").returncode == 0
    one_pod = pod()
    assert one_pod.run() == ("worker", 0)
    config = one_pod.volume("config")
    files = {str(path.relative_to(config)) for path in config.rglob("*") if path.is_file()}
    assert files == {"worker/WORKER_BASE_URL", "reporter/REPORTER_DATABASE_URL"}


@pytest.mark.parametrize(
    ("settings", "container", "line"),
    [
        ({"CONFIG_SECRET": "no-such"}, "config", "CONFIG_SECRET: must be a secret that this role may read: no-such ("),
        ({"REPORTER_BUCKET": "no-such"}, "check", "REPORTER_BUCKET: must be a bucket that exists for this role: no"),
        ({"WORKER_QUEUE_URL": ""}, "worker", "WORKER_QUEUE_URL: is required"),
        ({"WORKER_CATALOG": "/no/such"}, "worker", "WORKER_CATALOG: must be an existing file"),
    ],
    ids=["secret", "bucket", "queue", "catalog"],
)
def test_a_wrong_parameter_ends_the_pod_with_one_line(
    embedded: Embedded, pod: Callable[..., Pod], settings: dict[str, str], container: str, line: str
) -> None:
    """Exit code 78 fails the Job at once. The message stays for the next deployment."""
    run_id = f"r-wrong-{container}-{next(iter(settings)).lower()}"
    assert embedded.testfleet("enqueue", "smoke", "--run-id", run_id).returncode == 0
    wrong = pod(**settings)
    assert wrong.run() == (container, 78)
    output = wrong.output(container)
    program = "reporter" if container == "check" else container
    assert (output.startswith(f"{program}: {line}"), output.count("\n")) == (True, 1), output
    assert embedded.waiting() == (1, 0)
    assert wrong.corrected().run() == ("worker", 0)
    assert embedded.testfleet("wait", run_id, "--timeout", "30s").returncode == 0


def test_an_unknown_suite_ends_its_run_as_errored(embedded: Embedded, pod: Callable[..., Pod]) -> None:
    """The run is errored with the reason, the message is dead-lettered, and the Job ends with 0."""
    assert embedded.testfleet("enqueue", "chekout", "--run-id", "r-unknown").returncode == 0
    assert pod().run() == ("worker", 0)
    waited = embedded.testfleet("wait", "r-unknown", "--timeout", "30s")
    assert waited.returncode == 2
    assert "suite: must be one of api, checkout, load, smoke" in waited.stdout + waited.stderr
    assert embedded.waiting() == (0, 0)
