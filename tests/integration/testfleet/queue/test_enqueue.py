"""`enqueue` writes to the queue and to the table."""

import json
from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Refused, Unavailable
from testfleet.queue import enqueue, jobs
from testfleet.queue.sqs import Queue
from testfleet.results import runs


def bodies(aws: Any) -> list[dict[str, Any]]:
    """Receive every message of the queue."""
    sqs, found = aws.client("sqs"), list[dict[str, Any]]()
    while messages := sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def test_each_shard_is_on_the_queue_and_the_run_is_queued(database: Database, aws_env: Any) -> None:
    """The row has the options of the run before a pod starts."""
    messages = jobs.jobs("shop", run_id="r1", shards=23, commit="abc", branch="main", target_url="http://x")
    enqueue.enqueue(messages, Queue(aws_env.queue_url), database)
    found = bodies(aws_env)
    assert sorted(body["shard"] for body in found) == sorted(f"{index}/23" for index in range(1, 24))
    assert {(body["runId"], body["suite"], body["commit"]) for body in found} == {("r1", "shop", "abc")}
    with database.connect() as connection:
        run = runs.get(connection, "r1")
    assert run is not None
    assert (run.status, run.suite, run.shards, run.commit, run.branch, run.target_url, run.started_at) == (
        ("queued", "shop", 23, "abc", "main", "http://x", None)
    )
    assert run.queued_at is not None


def test_the_registration_has_what_the_run_tests(database: Database) -> None:
    """A run that no pod has claimed yet shows who started it."""
    about = {
        "pull_request": "42",
        "parent_commit": "def",
        "author": "Ada",
        "ci_url": "https://ci.example.com/7",
        "environment": "staging",
    }
    (message,) = jobs.jobs("shop", run_id="r1", shards=1, params={}, **about)
    enqueue.register(database, message)
    with database.connect() as connection:
        (row,) = connection.rows("SELECT pull_request, parent_commit, author, ci_url, environment FROM test_runs")
    assert row == about


def test_a_database_is_not_required(aws_env: Any) -> None:
    """The first claim then inserts the run."""
    enqueue.enqueue(jobs.jobs("shop", run_id="r1"), Queue(aws_env.queue_url))
    assert len(bodies(aws_env)) == 1


def test_an_unfinished_run_may_be_enqueued_again(database: Database, aws_env: Any) -> None:
    """This completes a run of which some messages were not sent. A shard with two messages runs once."""
    messages = jobs.jobs("shop", run_id="r1", shards=2)
    for _ in range(2):
        enqueue.enqueue(messages, Queue(aws_env.queue_url), database)
    assert len(bodies(aws_env)) == 4


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"suite": "other"}, "--run-id: r1 is a run of suite shop, not other"),
        ({"shards": 3}, "--shards: run r1 has 2, not 3"),
    ],
)
def test_options_that_contradict_the_existing_run_are_refused(
    options: dict[str, Any], line: str, database: Database, aws_env: Any
) -> None:
    """No message is sent: a worker would reject it."""
    first: dict[str, Any] = {"suite": "shop", "run_id": "r1", "shards": 2}
    enqueue.register(database, jobs.jobs(**first)[0])
    with pytest.raises(Refused) as caught:
        enqueue.enqueue(jobs.jobs(**(first | options)), Queue(aws_env.queue_url), database)
    assert str(caught.value) == line
    assert bodies(aws_env) == []


def test_a_finished_run_is_not_enqueued_again(database: Database, aws_env: Any) -> None:
    """A worker would delete its messages without running them."""
    messages = jobs.jobs("shop", run_id="r1")
    enqueue.register(database, messages[0])
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE test_runs SET status = 'passed', finished_at = now()")
    with pytest.raises(Refused, match=r"^--run-id: r1 is finished already \(passed\)"):
        enqueue.enqueue(messages, Queue(aws_env.queue_url), database)
    assert bodies(aws_env) == []


def test_no_message_is_sent_if_the_database_is_out_of_reach(aws_env: Any) -> None:
    """The command can be repeated."""
    with pytest.raises(Unavailable):
        enqueue.enqueue(jobs.jobs("s", run_id="r"), Queue(aws_env.queue_url), Database("postgresql://127.0.0.1:1/x"))
    assert bodies(aws_env) == []


def test_a_missing_queue_is_an_error_of_its_setting(aws_env: Any) -> None:
    """A retry cannot succeed."""
    with pytest.raises(BadSetting, match=r"^TESTFLEET_QUEUE_URL: there is no such queue$"):
        Queue(aws_env.queue_url + "x").send(jobs.jobs("s", run_id="r"))


def test_the_depth_counts_waiting_and_hidden_messages(aws_env: Any) -> None:
    """The counts of the embedded endpoint are exact."""
    queue = Queue(aws_env.queue_url)
    queue.send(jobs.jobs("s", run_id="r", shards=3))
    aws_env.client("sqs").receive_message(QueueUrl=aws_env.queue_url, MaxNumberOfMessages=1)
    assert (queue.depth().waiting, queue.depth().in_flight) == (2, 1)
