"""What the tests of the whole fleet send, read and wait for."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from handoff.message import JobMessage, Shard
from testfleet.local.fleet import Fleet
from tests.support import results as seen

CATALOG = Path(__file__).parents[1] / "fixtures" / "fleet" / "catalog.toml"

DEADLINE = 120
"""Seconds; far above what anything takes, so that only a hang ends there."""


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """The condition's first true answer.

    Raises:
        AssertionError: it was not true within the deadline.
    """
    deadline = time.monotonic() + DEADLINE
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.05)
    return answer


def send(fleet: Fleet, run_id: str, *, shard: str = "1/1", **params: str) -> None:
    """Put one message on the fleet's queue, past the command line."""
    job = JobMessage(run_id=run_id, suite="steps", shard=Shard.model_validate(shard), params=params)
    fleet.aws.client("sqs").send_message(QueueUrl=fleet.aws.queue_url, MessageBody=job.to_json())


def rows(fleet: Fleet, sql: str, **values: Any) -> list[dict[str, Any]]:
    """What the fleet's database says."""
    return seen.rows(fleet.database_url, sql, **values)


def results(fleet: Fleet, run_id: str) -> dict[str, Any]:
    """A finished run as it stands in database and bucket."""
    return seen.results(fleet.database_url, fleet.aws.client("s3"), run_id)


def wait_until_finished(fleet: Fleet, *run_ids: str) -> None:
    for run_id in run_ids:
        eventually(partial(seen.finished, fleet.database_url, run_id), f"{run_id} is finished")


def wait_until_empty(fleet: Fleet) -> None:
    """Until the queue holds nothing and every pod is gone."""
    eventually(lambda: fleet.aws.depth(fleet.aws.queue_url) == (0, 0), "the queue is empty")
    eventually(lambda: not fleet.controller.pods, "every pod is gone")
