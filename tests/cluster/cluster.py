"""An installation in a cluster: tests send messages, and read rows, files, Jobs and pods."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from handoff.message import JobMessage, Shard
from tests.cluster import facts
from tests.cluster.facts import Object
from tests.cluster.kubectl import NAMESPACE, KubectlError, get, kubectl
from tests.support import results as seen

DEADLINE = 600
"""Seconds, far more than any step takes. Only a hang reaches it."""

POLL_SECONDS = 0.5
AWAY = (KubectlError, psycopg.OperationalError, BotoCoreError)
"""Errors of a call through a broken port-forward, until the next tunnel is open."""

KILL_WORKER = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if (process / "cmdline").read_bytes() == b"python3\\0-m\\0worker\\0":
        os.kill(int(process.name), signal.SIGKILL)
"""


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true value. A cluster or database may be out of reach for a moment.

    Raises:
        AssertionError: it was not true within the deadline.
    """
    deadline = time.monotonic() + DEADLINE
    last: Exception | None = None
    while True:
        try:
            if answer := condition():
                return answer
        except AWAY as error:
            last = error
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what} ({last})"
        time.sleep(POLL_SECONDS)


@dataclass
class Cluster:
    """The installation under test, through forwarded ports of the embedded servers."""

    ports: dict[int, int]
    jobs_ever: set[str] = field(default_factory=set)
    """The uid of every Job that the tests saw."""

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres:trial@127.0.0.1:{self.ports[5432]}/postgres"

    def aws(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.ports[5000]}",
            region_name="eu-central-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"mode": "standard", "total_max_attempts": 8}),
        )

    def queue_url(self, name: str = "test-jobs") -> str:
        return f"http://127.0.0.1:{self.ports[5000]}/123456789012/{name}"

    def send(self, run_id: str, *, suite: str = "steps", shard: str = "1/1", **params: str) -> None:
        job = JobMessage(run_id=run_id, suite=suite, shard=Shard.model_validate(shard), params=params)
        self.aws("sqs").send_message(QueueUrl=self.queue_url(), MessageBody=job.to_json())

    def depth(self, name: str = "test-jobs") -> tuple[int, int]:
        """Return how many messages wait in the queue and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws("sqs").get_queue_attributes(QueueUrl=self.queue_url(name), AttributeNames=names)
        return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query. It is repeated while the database is out of reach."""
        (found,) = eventually(lambda: [seen.rows(self.database_url, sql, **values)], "the database answers")
        return list(found)

    def results(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(
            lambda: seen.results(self.database_url, self.aws("s3"), run_id), "database and bucket answer"
        )
        return found

    def attempt(self, run_id: str) -> int:
        (shard,) = self.rows("SELECT attempt FROM test_shards WHERE run_id = %(run_id)s", run_id=run_id)
        return int(shard["attempt"])

    def wait_until_finished(self, *run_ids: str) -> None:
        for run_id in run_ids:
            eventually(lambda name=run_id: seen.finished(self.database_url, name), f"{run_id} is finished")  # type: ignore[misc]

    def wait_until_idle(self) -> None:
        """Wait until the queue is empty and no pod of a Job is active."""
        eventually(lambda: self.depth() == (0, 0), "the queue is empty")
        eventually(lambda: not facts.active(self.pods()), "no pod runs")

    def pods(self) -> list[Object]:
        return [*get("pods", "--selector", facts.RUNNER)]

    def in_the_middle(self, run_id: str, cases: int) -> Object:
        """Return the pod that runs the suite, as soon as the first half of its cases is in the database."""
        sql = "SELECT count(*) FROM test_cases WHERE run_id = %(run_id)s"
        eventually(lambda: self.rows(sql, run_id=run_id)[0]["count"] == cases // 2, "half of the cases are there")
        (shard,) = self.rows("SELECT worker FROM test_shards WHERE run_id = %(run_id)s", run_id=run_id)
        (pod,) = [each for each in self.pods() if each["metadata"]["name"] == shard["worker"]]
        return pod

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record the Jobs while the block lasts, so that a short-lived Job is counted, too."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(POLL_SECONDS):
                try:
                    self.jobs_ever |= facts.uids(get("jobs", "--selector", facts.RUNNER))
                except KubectlError:
                    continue  # the loop retries

        thread = threading.Thread(target=look, name="jobs")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def evict(pod: Object) -> None:
    """Evict the pod, as `kubectl drain` does."""
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}}
    place = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
    kubectl("create", "--raw", place, "--filename=-", given=json.dumps(eviction))


def kill_worker(pod: Object) -> None:
    """Send SIGKILL to the worker, which is not PID 1."""
    name = pod["metadata"]["name"]
    kubectl("exec", name, "--namespace", NAMESPACE, "--container=worker", "--", "python3", "-c", KILL_WORKER)


def patch(kind: str, name: str, *operations: dict[str, Any]) -> None:
    kubectl("patch", kind, name, "--namespace", NAMESPACE, "--type=json", "--patch", json.dumps(operations))
