"""The fleet as a whole: real processes over a real queue, database and bucket."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from handoff.message import JobMessage, Shard
from testfleet.local.fleet import Fleet, FleetConfig

CATALOG = Path(__file__).parents[2] / "fixtures" / "fleet" / "catalog.toml"
DEADLINE = 120
"""Seconds; far above what anything takes, so that only a hang ends there."""


@pytest.fixture
def config() -> Iterator[FleetConfig]:
    """A fleet whose messages come back after a crash within seconds.

    Its folder is not pytest's: each new session of pytest shuts that to others, and PostgreSQL is another user.
    """
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        Path(folder).chmod(0o755)
        yield FleetConfig(Path(folder), CATALOG, max_pods=4, visibility_timeout=6, lease=6, stop_grace=5)


@pytest.fixture
def fleet(config: FleetConfig) -> Iterator[Fleet]:
    """A running fleet."""
    with Fleet(config) as running:
        yield running


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
    with psycopg.connect(fleet.database_url, row_factory=dict_row) as connection:
        return connection.execute(sql.encode(), values).fetchall()


def results(fleet: Fleet, run_id: str) -> dict[str, Any]:
    """A finished run as it stands in database and bucket, without what differs from run to run: times and attempts."""
    (run,) = rows(
        fleet,
        "SELECT suite, status, shards, shards_done, total, passed, failed, errored, skipped, flaky, p95_ms, detail "
        "FROM test_runs WHERE run_id = %(run_id)s",
        run_id=run_id,
    )
    cases = rows(
        fleet,
        "SELECT name, shard, status, flaky, tries, duration_ms, error FROM test_cases "
        "WHERE run_id = %(run_id)s ORDER BY name",
        run_id=run_id,
    )
    files = rows(
        fleet,
        "SELECT a.s3_uri, a.kind, a.bytes, a.shard FROM artifacts AS a JOIN test_shards AS s "
        "USING (run_id, shard, attempt) WHERE run_id = %(run_id)s ORDER BY s3_uri",
        run_id=run_id,
    )
    return {"run": run, "cases": cases, "files": [_without_place(fleet, file) for file in files]}


def _without_place(fleet: Fleet, file: dict[str, Any]) -> dict[str, Any]:
    """The file by its path in the shard's folder, once its object was seen to have the size that the row says."""
    bucket, _, key = file["s3_uri"].removeprefix("s3://").partition("/")
    assert fleet.aws.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] == file["bytes"]
    path = key.split("/", maxsplit=3)[3]
    size = None if path.startswith("log/") else file["bytes"]
    return file | {"s3_uri": path, "bytes": size}


def finished(fleet: Fleet, run_id: str) -> bool:
    found = rows(fleet, "SELECT 1 FROM test_runs WHERE run_id = %(run_id)s AND finished_at IS NOT NULL", run_id=run_id)
    return bool(found)


def wait_until_finished(fleet: Fleet, *run_ids: str) -> None:
    for run_id in run_ids:
        eventually(lambda run_id=run_id: finished(fleet, run_id), f"{run_id} is finished")  # type: ignore[misc]


def wait_until_empty(fleet: Fleet) -> None:
    """Until the queue holds nothing and every pod is gone."""
    eventually(lambda: fleet.aws.depth(fleet.aws.queue_url) == (0, 0), "the queue is empty")
    eventually(lambda: not fleet.controller.pods, "every pod is gone")
