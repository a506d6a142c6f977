"""The images as they were built do what the manifests ask of them, under the locks that the manifests put on."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.rows import dict_row

from handoff.message import JobMessage
from tests.images.podman import EMBEDDED, Pod, embedded, images, runner, why_not

pytestmark = pytest.mark.timeout(900)

DEADLINE = 120
DATABASE = "postgresql://postgres:trial@127.0.0.1:5432/postgres"
QUEUE = "http://127.0.0.1:5000/123456789012/test-jobs"
PROBE = Path(__file__).parents[1] / "fixtures" / "sandbox" / "probe.py"


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
    """The embedded endpoint, database and shop, in their own container."""
    if reason := why_not(images()):
        pytest.skip(reason)
    pod = Pod(folder / "embedded", embedded())
    try:
        container = pod.start("embedded")
        ready = pod.folder / "state" / "env"
        deadline = time.monotonic() + DEADLINE
        while not ready.exists():
            assert container.process.poll() is None, container.said()
            assert time.monotonic() < deadline, container.said()
            time.sleep(0.1)
        yield
        assert container.stop() == 0, container.said()
    finally:
        pod.close()


@pytest.fixture
def pod(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Pod]]:
    """Makes a pod of the ScaledJob, with settings that somebody got wrong."""
    made: list[Pod] = []

    def make(**wrong: str) -> Pod:
        name = "".join(char if char.isalnum() else "-" for char in request.node.name)
        made.append(Pod(folder / f"{name}-{len(made)}", runner(), wrong))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(run_id: str, suite: str, **params: str) -> None:
    job = JobMessage(run_id=run_id, suite=suite, params=params)
    aws("sqs").send_message(QueueUrl=QUEUE, MessageBody=job.to_json())


def row(sql: str) -> dict[str, Any]:
    with psycopg.connect(DATABASE, row_factory=dict_row) as connection:
        (found,) = connection.execute(sql.encode()).fetchall()
        return found


@pytest.mark.parametrize(
    ("suite", "verdict"), [("smoke", "passed"), ("api", "passed"), ("load", "passed"), ("checkout", "failed")]
)
def test_each_tool_of_the_image_runs_its_suite(pod: Callable[..., Pod], suite: str, verdict: str) -> None:
    """As user 10001, without capabilities, over a read-only root, within the suite's sandbox."""
    send(f"r-{suite}", suite)
    one_pod = pod()
    decided = one_pod.run()
    assert decided == ("worker", 0), one_pod.containers[decided[0]].said()
    run = row(f"SELECT status, total, target_url, detail FROM test_runs WHERE run_id = 'r-{suite}'")
    assert (run["status"], run["target_url"]) == (verdict, f"http://{EMBEDDED}:8080"), run["detail"]
    assert run["total"] > 0


def test_a_suite_that_looks_for_credentials_gets_nothing(pod: Callable[..., Pod]) -> None:
    """In the worker's own container: by variables, files, other processes, and calls to AWS and the database."""
    places = {"TOKEN": "/var/run/secrets/testfleet/token", "HANDOFF": "/handoff", "CONFIG": "/config"}
    send("r-probe", "probe", **places, ENDPOINT="http://127.0.0.1:5000", QUEUE=QUEUE)
    one_pod = pod(WORKER_CATALOG="/tmp/suites/catalog.toml")
    suites = one_pod.folder / "worker-tmp" / "suites"
    suites.mkdir()
    (suites / "probe.py").write_text(PROBE.read_text())
    (suites / "catalog.toml").write_text(
        '[suites.probe]\nrunner = "command"\ncommand = ["python3", "probe.py"]\npath = "."\ntimeout = "1m"\n'
    )
    decided = one_pod.run()
    assert decided == ("worker", 0), one_pod.containers[decided[0]].said()
    found = json.loads((one_pod.folder / "artifacts" / "found.json").read_text())
    assert (found.pop("own"), found.pop("others"), found.pop("database")) == ([], [], [])
    assert found.pop("token through a link") == "None"  # a link is only a name
    assert found.pop("moved") == "OSError"  # a mount can't be
    assert set(found.values()) == {"PermissionError", "NoCredentialsError"}, found


@pytest.mark.parametrize(
    ("wrong", "container", "line"),
    [
        ({"CONFIG_SECRET": "no-such"}, "config", "config: CONFIG_SECRET: must be a secret that this role may read"),
        ({"REPORTER_BUCKET": "no-such"}, "check", "reporter: REPORTER_BUCKET: must be a bucket that is there"),
        ({"WORKER_QUEUE_URL": ""}, "worker", "worker: WORKER_QUEUE_URL: is required"),
        ({"WORKER_CATALOG": "/no/such"}, "worker", "worker: WORKER_CATALOG: must be a file that is there"),
    ],
    ids=["secret", "bucket", "queue", "catalog"],
)
def test_a_wrong_parameter_ends_the_container_with_one_line(
    pod: Callable[..., Pod], wrong: dict[str, str], container: str, line: str
) -> None:
    """78, and nothing else in the log."""
    one_pod = pod(**wrong)
    assert one_pod.run() == (container, 78)
    said = one_pod.containers[container].said()
    assert (said.startswith(line), said.count("\n")) == (True, 1), said
