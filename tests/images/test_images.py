"""The built images run the manifests' commands under the manifests' restrictions."""

import json
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.rows import dict_row

from handoff.message import JobMessage
from testfleet.local.pods.scaling import pods_to_start
from tests.cluster.overlay import CATALOG
from tests.images.podman import EMBEDDED, Pod, embedded, images, migration, runner, why_not

pytestmark = pytest.mark.timeout(900)

DEADLINE = 120
DATABASE = "postgresql://postgres:trial@127.0.0.1:5432/postgres"
QUEUE = "http://127.0.0.1:5000/123456789012/test-jobs"
FIXTURES = Path(__file__).parents[1] / "fixtures"
OWN_SUITES = {"WORKER_CATALOG": "/tmp/suites/catalog.toml"}
MESSAGES = 30
SURPLUS = 2
MAX_PODS = 4


def aws(service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url="http://127.0.0.1:5000",
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="images-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module", autouse=True)
def platform(folder: Path) -> Iterator[None]:
    """The embedded endpoint, PostgreSQL and the sample shop, in their container."""
    if reason := why_not(images()):
        pytest.skip(reason)
    pod = Pod(folder / "embedded", embedded())
    try:
        container = pod.start("embedded")
        ready = pod.folder / "state" / "env"
        deadline = time.monotonic() + DEADLINE
        while not ready.exists():
            assert container.process.poll() is None, container.output()
            assert time.monotonic() < deadline, container.output()
            time.sleep(0.1)
        yield
        assert container.stop() == 0, container.output()
    finally:
        pod.close()


@pytest.fixture
def pod(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Pod]]:
    """Make a pod of the ScaledJob with some settings changed."""
    made: list[Pod] = []

    def make(**changes: str) -> Pod:
        name = "".join(char if char.isalnum() else "-" for char in request.node.name)
        made.append(Pod(folder / f"{name}-{len(made)}", runner(), changes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(run_id: str, suite: str, **params: str) -> None:
    job = JobMessage(run_id=run_id, suite=suite, params=params)
    aws("sqs").send_message(QueueUrl=QUEUE, MessageBody=job.to_json())


def bring_suites(pod: Pod) -> None:
    """Suites in the worker's temporary folder, for an image without suites."""
    suites = pod.folder / "worker-tmp" / "suites"
    suites.mkdir()
    (suites / "catalog.toml").write_text(CATALOG)
    for file in ("sandbox/probe.py", "fleet/steps.py"):
        shutil.copy(FIXTURES / file, suites)


def depth() -> tuple[int, int]:
    """Return how many messages wait in the queue and how many are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws("sqs").get_queue_attributes(QueueUrl=QUEUE, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def rows(sql: str) -> list[dict[str, Any]]:
    with psycopg.connect(DATABASE, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


def row(sql: str) -> dict[str, Any]:
    (found,) = rows(sql)
    return found


@pytest.mark.parametrize(
    ("suite", "verdict"), [("smoke", "passed"), ("api", "passed"), ("load", "passed"), ("checkout", "failed")]
)
def test_each_tool_of_the_image_runs_its_suite(pod: Callable[..., Pod], suite: str, verdict: str) -> None:
    """It runs as user 10001, without capabilities, with a read-only root, within the sandbox."""
    send(f"r-{suite}", suite)
    one_pod = pod()
    decided = one_pod.run()
    assert decided == ("worker", 0), one_pod.containers[decided[0]].output()
    run = row(f"SELECT status, total, target_url, detail FROM test_runs WHERE run_id = 'r-{suite}'")
    assert (run["status"], run["target_url"]) == (verdict, f"http://{EMBEDDED}:8080"), run["detail"]
    assert run["total"] > 0


def test_the_embedded_servers_answer_their_probes() -> None:
    """The kubelet's probe uses the pod's address and no credentials."""
    (container,) = embedded()["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    health = container["livenessProbe"]["httpGet"]
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[health['port']]}{health['path']}", timeout=10) as answer:
        assert answer.status == 200
    ready = container["readinessProbe"]["tcpSocket"]
    socket.create_connection(("127.0.0.1", ports[ready["port"]]), timeout=10).close()


def test_a_suite_that_looks_for_credentials_gets_nothing(pod: Callable[..., Pod]) -> None:
    """It searches variables, files and other processes, and calls AWS and the database."""
    places = {"TOKEN": "/var/run/secrets/testfleet/token", "HANDOFF": "/handoff", "CONFIG": "/config"}
    send("r-probe", "probe", **places, ENDPOINT="http://127.0.0.1:5000", QUEUE=QUEUE)
    one_pod = pod(**OWN_SUITES)
    bring_suites(one_pod)
    decided = one_pod.run()
    assert decided == ("worker", 0), one_pod.containers[decided[0]].output()
    found = json.loads((one_pod.folder / "artifacts" / "found.json").read_text())
    assert (found.pop("own"), found.pop("others"), found.pop("database")) == ([], [], [])
    assert found.pop("token through a link") == "None"  # a link is only a name
    assert found.pop("moved") == "OSError"  # a mount cannot be moved
    assert set(found.values()) == {"PermissionError", "NoCredentialsError"}, found


def test_the_migration_job_succeeds(folder: Path) -> None:
    """Its first container checks the runners' settings and the kernel, its second one migrates the database."""
    pod = Pod(folder / "migration", migration())
    try:
        for name in ("settings", "migrate"):
            container = pod.start(name)
            assert container.wait() == 0, container.output()
        assert pod.containers["migrate"].output() == "nothing to do\n"  # the embedded database is up to date
    finally:
        pod.close()


def test_thirty_messages_become_thirty_runs(pod: Callable[..., Pod]) -> None:
    """The test starts pods by KEDA's formula. tests/cluster tests KEDA itself."""
    sizes = {f"thirty-{number}": 1 + number % 5 for number in range(MESSAGES)}
    for run_id, size in sizes.items():
        send(run_id, "steps", CASES=str(size))
    made = 0
    with ThreadPoolExecutor(MAX_PODS) as pods:
        running: set[Future[tuple[str, int]]] = set()
        while (waiting := depth()) != (0, 0) or running:
            ended = {each for each in running if each.done()}
            assert {each.result() for each in ended} <= {("worker", 0)}
            running -= ended
            start = pods_to_start(waiting=waiting[0], in_flight=waiting[1], running=len(running), max_pods=MAX_PODS)
            for _ in range(start):
                each = pod(**OWN_SUITES, WORKER_RECEIVE_WAIT="10")
                bring_suites(each)
                running.add(pods.submit(each.run))
                made += 1
            wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
    assert made <= MESSAGES + SURPLUS
    found = rows("SELECT run_id, status, total FROM test_runs WHERE run_id LIKE 'thirty-%'")
    assert {each["run_id"]: each["total"] for each in found} == sizes
    assert {each["status"] for each in found} == {"passed"}
    counted = rows("SELECT run_id, count(*) FROM test_cases WHERE run_id LIKE 'thirty-%' GROUP BY run_id")
    assert {each["run_id"]: each["count"] for each in counted} == sizes


def test_a_pod_whose_node_dies_costs_an_attempt_and_no_row(pod: Callable[..., Pod]) -> None:
    """Every container gets SIGKILL during the suite. The next pod receives the message when it is visible again."""
    times = {"WORKER_VISIBILITY_TIMEOUT": "10", "REPORTER_LEASE": "10"}
    send("lost", "steps", CASES="6", PAUSE="20")
    first = pod(**OWN_SUITES, **times)
    bring_suites(first)
    with ThreadPoolExecutor(1) as pods:
        life = pods.submit(first.run)
        deadline = time.monotonic() + DEADLINE
        while rows("SELECT count(*) FROM test_cases WHERE run_id = 'lost'") != [{"count": 3}]:
            assert time.monotonic() < deadline, "half of the cases are not in the table"
            time.sleep(0.1)
        for name in ("reporter", "worker"):
            first.containers[name].kill()
        assert isinstance(life.exception(DEADLINE), AssertionError)  # its reporter did not exit with 0
    second = pod(**OWN_SUITES, **times)
    bring_suites(second)
    assert second.run() == ("worker", 0)
    assert row("SELECT status, total FROM test_runs WHERE run_id = 'lost'") == {"status": "passed", "total": 6}
    assert row("SELECT attempt FROM test_shards WHERE run_id = 'lost'") == {"attempt": 2}
    assert row("SELECT count(*) FROM test_cases WHERE run_id = 'lost'") == {"count": 6}


@pytest.mark.parametrize(
    ("wrong", "container", "line"),
    [
        ({"CONFIG_SECRET": "no-such"}, "config", "config: CONFIG_SECRET: must be a secret that this role may read"),
        ({"REPORTER_BUCKET": "no-such"}, "check", "reporter: REPORTER_BUCKET: must be a bucket that exists"),
        ({"WORKER_QUEUE_URL": ""}, "worker", "worker: WORKER_QUEUE_URL: is required"),
        ({"WORKER_CATALOG": "/no/such"}, "worker", "worker: WORKER_CATALOG: must be an existing file"),
    ],
    ids=["secret", "bucket", "queue", "catalog"],
)
def test_a_wrong_parameter_ends_the_container_with_one_line(
    pod: Callable[..., Pod], wrong: dict[str, str], container: str, line: str
) -> None:
    """The exit code is 78, and the log has one line."""
    one_pod = pod(**wrong)
    assert one_pod.run() == (container, 78)
    output = one_pod.containers[container].output()
    assert (output.startswith(line), output.count("\n")) == (True, 1), output
