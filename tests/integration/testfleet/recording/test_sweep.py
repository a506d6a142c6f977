"""`testfleet sweep`: evidence from real queues, verdicts by the reporter's program."""

import json
from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Unavailable
from testfleet.queue.sqs import Queue
from testfleet.recording.sweep import Sweep, SweptRun
from testfleet.results import runs

HOUR = 3600.0


@pytest.fixture
def lost(filled: Database) -> Database:
    """The run `live` has a shard whose lease ended two hours ago, the run `next` one that was never claimed."""
    with psycopg.connect(filled.url) as connection:
        connection.execute("UPDATE test_runs SET queued_at = now() - interval '3 h' WHERE finished_at IS NULL")
        connection.execute("UPDATE test_runs SET started_at = queued_at WHERE run_id = 'live'")
        connection.execute("UPDATE test_shards SET lease_until = now() - interval '2 h' WHERE status = 'running'")
    return filled


def sweep(
    database: Database, aws: Any, slept: list[float] | None = None, *, older_than: float = HOUR
) -> list[SweptRun]:
    once = Sweep(database, [Queue(aws.queue_url)], [Queue(aws.dead_letter_queue_url)], older_than, 60)
    return once.run(sleep=(slept if slept is not None else []).append)


def status(database: Database, run_id: str) -> str:
    with database.connect() as connection:
        run = runs.get(connection, run_id)
    assert run is not None
    return run.status


def test_abandoned_shards_end_if_every_queue_is_empty(lost: Database, aws_env: Any) -> None:
    """The queues are empty at both reads. Each run gets a reason and a line of metrics."""
    slept: list[float] = []
    live, queued = sweep(lost, aws_env, slept)
    assert slept == [60]
    assert live.shards == (
        (2, "abandoned: 1 attempt gave no result, the last on pod-d; its message is gone from the queue"),
    )
    assert (live.run_id, live.status, queued.run_id, queued.status) == ("live", "errored", "next", "errored")
    assert json.loads(live.metrics or "")["runId"] == "live"
    assert (status(lost, "live"), status(lost, "next")) == ("errored", "errored")
    assert sweep(lost, aws_env) == []


@pytest.mark.parametrize("kind", ["visible", "in flight", "delayed"])
def test_a_message_in_the_queue_keeps_every_run(kind: str, lost: Database, aws_env: Any) -> None:
    """SQS cannot be searched: the message may belong to the shard."""
    sqs = aws_env.client("sqs")
    sqs.send_message(QueueUrl=aws_env.queue_url, MessageBody="x", DelaySeconds=600 if kind == "delayed" else 0)
    if kind == "in flight":
        sqs.receive_message(QueueUrl=aws_env.queue_url, VisibilityTimeout=600)
    slept: list[float] = []
    assert sweep(lost, aws_env, slept) == []
    assert (status(lost, "live"), slept) == ("running", [])


def test_a_message_that_comes_between_the_two_reads_keeps_every_run(lost: Database, aws_env: Any) -> None:
    """SQS's counts lag."""
    sqs = aws_env.client("sqs")
    once = Sweep(lost, [Queue(aws_env.queue_url)], [Queue(aws_env.dead_letter_queue_url)], HOUR, 60)
    assert once.run(sleep=lambda _: sqs.send_message(QueueUrl=aws_env.queue_url, MessageBody="x")) == []
    assert status(lost, "live") == "running"


@pytest.mark.parametrize("reason", [None, "out_of_receives"])
def test_a_dead_lettered_shard_ends_while_the_queue_is_busy(reason: str | None, lost: Database, aws_env: Any) -> None:
    """Its message is in the dead-letter queue and returns only by a redrive."""
    sqs = aws_env.client("sqs")
    sqs.send_message(QueueUrl=aws_env.queue_url, MessageBody="x")
    dead = json.dumps({"runId": "live", "suite": "shop", "shard": "2/2"})
    attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
    sqs.send_message(QueueUrl=aws_env.dead_letter_queue_url, MessageBody=dead, MessageAttributes=attributes)
    (ended,) = sweep(lost, aws_env)
    assert ended.shards[0][1].endswith("its message is in the dead-letter queue")
    assert (status(lost, "live"), status(lost, "next")) == ("errored", "queued")
    found = sqs.receive_message(QueueUrl=aws_env.dead_letter_queue_url)["Messages"]
    assert [one["Body"] for one in found] == [dead]


def send_dead_duplicate(aws: Any) -> None:
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=aws.queue_url, MessageBody="x")
    dead = json.dumps({"runId": "live", "suite": "shop", "shard": "2/2"})
    sqs.send_message(QueueUrl=aws.dead_letter_queue_url, MessageBody=dead)


def test_a_pod_that_renews_its_lease_after_an_outage_keeps_its_shard(lost: Database, aws_env: Any) -> None:
    """The job was enqueued twice, and an outage of the database killed the other message."""
    send_dead_duplicate(aws_env)

    def renew(_: float) -> None:
        with psycopg.connect(lost.url) as connection:
            connection.execute("UPDATE test_shards SET lease_until = now() + interval '120 s' WHERE status = 'running'")

    once = Sweep(lost, [Queue(aws_env.queue_url)], [Queue(aws_env.dead_letter_queue_url)], HOUR, 60)
    assert once.run(sleep=renew) == []
    assert status(lost, "live") == "running"


def test_a_message_that_is_redriven_between_the_two_reads_keeps_its_run(lost: Database, aws_env: Any) -> None:
    """Its shard will run again."""
    send_dead_duplicate(aws_env)

    def redrive(_: float) -> None:
        aws_env.client("sqs").purge_queue(QueueUrl=aws_env.dead_letter_queue_url)

    once = Sweep(lost, [Queue(aws_env.queue_url)], [Queue(aws_env.dead_letter_queue_url)], HOUR, 60)
    assert once.run(sleep=redrive) == []
    assert status(lost, "live") == "running"


def test_a_message_cannot_outlive_the_queues_retention(lost: Database, aws_env: Any) -> None:
    """SQS deletes a message after the retention period."""
    sqs = aws_env.client("sqs")
    sqs.send_message(QueueUrl=aws_env.queue_url, MessageBody="x")
    sqs.set_queue_attributes(QueueUrl=aws_env.queue_url, Attributes={"MessageRetentionPeriod": "5400"})
    assert [one.run_id for one in sweep(lost, aws_env)] == ["live", "next"]


def test_a_rejected_message_is_no_evidence(lost: Database, aws_env: Any) -> None:
    """It names the run by mistake. The shard's own message may still be in the queue."""
    sqs = aws_env.client("sqs")
    sqs.send_message(QueueUrl=aws_env.queue_url, MessageBody="x")
    sqs.send_message(
        QueueUrl=aws_env.dead_letter_queue_url,
        MessageBody=json.dumps({"runId": "live", "suite": "shop", "shard": "2/2"}),
        MessageAttributes={"reason": {"DataType": "String", "StringValue": "other_suite"}},
    )
    assert sweep(lost, aws_env) == []


def test_no_queue_is_read_without_an_old_run(database: Database, aws_env: Any) -> None:
    """Reading the dead-letter queue hides its messages."""
    missing = Queue(aws_env.queue_url + "x")
    assert Sweep(database, [missing], [missing], HOUR, 60).run() == []


def test_a_database_that_cannot_be_swept_is_an_error(lost: Database, aws_env: Any) -> None:
    """The line is that of the reporter."""
    with psycopg.connect(lost.url) as connection:
        connection.execute("ALTER TABLE test_shards RENAME COLUMN outcome TO other")
    with pytest.raises((BadSetting, Unavailable), match=r"outcome"):
        sweep(lost, aws_env)
