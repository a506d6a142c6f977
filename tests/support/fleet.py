"""Messages, rows and waits for the tests of the whole fleet."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from handoff import volume
from handoff.message import JobMessage, Shard
from handoff.records import Admission, JobRecord, Run, ValidJob
from testfleet.local.fleet import Fleet
from testfleet.local.pods.pod import Pod, PodSpec
from tests.support import results as seen
from tests.support.aws.endpoint import Aws

CATALOG = Path(__file__).parents[1] / "fixtures" / "fleet" / "catalog.toml"

CASES = 6
"""Cases of a run that a test disturbs after the first half."""

DEADLINE = 120
"""Seconds. Only a hang reaches it, not a slow machine."""


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true value.

    Raises:
        AssertionError: it was not true within the deadline.
    """
    deadline = time.monotonic() + DEADLINE
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.05)
    return answer


def send(fleet: Fleet, run_id: str, *, shard: str = "1/1", **params: str) -> None:
    """Send one message to the fleet's queue without the command line."""
    job = JobMessage(run_id=run_id, suite="steps", shard=Shard.model_validate(shard), params=params)
    fleet.aws.client("sqs").send_message(QueueUrl=fleet.aws.queue_url, MessageBody=job.to_json())


def rows(fleet: Fleet, sql: str, **values: Any) -> list[dict[str, Any]]:
    return seen.rows(fleet.database_url, sql, **values)


def results(fleet: Fleet, run_id: str) -> dict[str, Any]:
    """Return the rows and files of a finished run."""
    return seen.results(fleet.database_url, fleet.aws.client("s3"), run_id)


def wait_until_finished(fleet: Fleet, *run_ids: str) -> None:
    for run_id in run_ids:
        eventually(partial(seen.finished, fleet.database_url, run_id), f"{run_id} is finished")


def wait_until_empty(fleet: Fleet) -> None:
    """Wait until the queue is empty and no pod is left."""
    eventually(lambda: fleet.aws.depth(fleet.aws.queue_url) == (0, 0), "the queue is empty")
    eventually(lambda: not fleet.controller.pods, "no pod is left")


def in_the_middle(fleet: Fleet, run_id: str) -> Pod:
    """Return the pod that runs the suite, as soon as the first half of its cases is in the database."""
    eventually(
        lambda: rows(fleet, "SELECT count(*) FROM test_cases WHERE run_id = %(r)s", r=run_id)[0]["count"] == CASES // 2,
        "half of the cases are there",
    )
    (pod,) = [pod for pod in fleet.controller.pods.values() if admitted(pod, run_id)]
    return pod


def admitted(pod: Pod, run_id: str) -> bool:
    folder = pod.folder / "handoff"
    record, admission = volume.read(folder, JobRecord), volume.read(folder, Admission)
    if record is None or admission is None or not isinstance(record.root, ValidJob):
        return False
    return record.root.job.run_id == run_id and isinstance(admission.root, Run)


def is_alive(process: psutil.Process) -> bool:
    """Return whether the process runs and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pod_spec(aws: Aws, database_url: str, catalog: Path, **worker: str) -> PodSpec:
    """Return the settings of a pod without a fleet. `worker` adds settings of the worker."""
    settings = {
        "WORKER_QUEUE_URL": aws.queue_url,
        "WORKER_DEAD_LETTER_QUEUE_URL": aws.dead_letter_queue_url,
        "WORKER_CATALOG": str(catalog),
        "WORKER_SUITE_SANDBOX": "off",
    }
    reporter = {"REPORTER_DATABASE_URL": database_url, "REPORTER_BUCKET": aws.bucket}
    return PodSpec(aws.env | settings | worker, aws.env | reporter)
