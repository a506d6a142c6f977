"""The first runs, redrives and a roll-back of the runbook, on a fleet."""

import re
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from testfleet.local.fleet import Fleet, FleetConfig
from tests.support.fleet import eventually, rows, wait_until_empty, wait_until_finished
from tests.support.python import python
from tests.support.runbook import TEXT, Session, blocks, calls_of_testfleet, cost_rows, option

SUITE = """
import os
from pathlib import Path

for number in range(13):  # with the report and the worker's log of the suite: 15
    Path(os.environ["ARTIFACTS_DIR"], f"trace-{number}.zip").write_bytes(b"x" * 1000)
Path(os.environ["JUNIT_FILE"]).write_text('<testsuite><testcase classname="shop" name="buys" time="0.1"/></testsuite>')
"""

CATALOG = """
[suites.smoke]
runner  = "command"
command = ["python3", "suite.py"]
path    = "."
timeout = "2m"
"""

CRASHED = """
INSERT INTO test_runs (run_id, suite, status, shards, started_at) VALUES ('crashed', 'smoke', 'running', 1, now());
INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, lease_until, worker, message_id, started_at)
VALUES ('crashed', 1, 'c', 5, 'running', now() - interval '1 hour', 'w', 'm', now())
"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """A fleet whose suite `smoke` writes as many files as the table of costs assumes."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "suites").mkdir()
        (folder / "suites" / "suite.py").write_text(SUITE)
        (folder / "suites" / "catalog.toml").write_text(CATALOG)
        config = FleetConfig(folder, folder / "suites" / "catalog.toml", visibility_timeout=6, lease=6, stop_grace=5)
        with Fleet(config) as running:
            yield running


def send(fleet: Fleet, body: str) -> None:
    fleet.aws.client("sqs").send_message(QueueUrl=fleet.aws.queue_url, MessageBody=body)


def test_the_first_runs_get_their_verdicts(fleet: Fleet, session: Session) -> None:
    """One message is sent with the AWS CLI, the other one with testfleet."""
    (body,) = [body for command in session.of("aws") for body in option(command, "--message-body")]
    send(fleet, body)
    wait_until_finished(fleet, "first")
    done = {line[0]: python(fleet.env, "-m", "testfleet", *line) for line in calls_of_testfleet(session)}
    assert {name: each.returncode for name, each in done.items()} == dict.fromkeys(
        ("enqueue", "wait", "show", "settings"), 0
    )
    assert done["enqueue"].stdout == "second\n"
    assert "passed" in done["wait"].stdout
    statuses = rows(fleet, "SELECT run_id, status FROM test_runs ORDER BY run_id")
    assert statuses == [{"run_id": "first", "status": "passed"}, {"run_id": "second", "status": "passed"}]


def test_a_file_is_one_object_as_the_costs_assume(fleet: Fleet) -> None:
    """A run makes one request for each file, and one that checks the bucket."""
    send(fleet, '{"runId": "files", "suite": "smoke"}')
    wait_until_finished(fleet, "files")
    (counted,) = rows(fleet, "SELECT count(*) AS files FROM artifacts WHERE run_id = 'files'")
    listed = fleet.aws.client("s3").list_objects_v2(Bucket=fleet.aws.bucket)["Contents"]
    objects = [each for each in listed if "/files/" in f"/{each['Key']}"]
    (requests,) = [Decimal(row[1]) for row in cost_rows() if row[0].startswith("S3: one request")]
    assert len(objects) == counted["files"] == 15 == requests - 1
    assert "fifteen files" in TEXT


def test_a_redriven_rejected_message_changes_nothing(fleet: Fleet) -> None:
    """It returns to the dead-letter queue, and the run keeps its verdict. Only a new run id makes a new run."""
    sqs = fleet.aws.client("sqs")
    body = '{"runId": "unknown", "suite": "no-such-suite"}'
    verdict = "SELECT status, detail, finished_at FROM test_runs WHERE run_id = 'unknown'"
    send(fleet, body)
    wait_until_finished(fleet, "unknown")
    (before,) = rows(fleet, verdict)
    assert before["status"] == "errored"
    eventually(lambda: fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (1, 0), "the message is dead-lettered")
    (message,) = sqs.receive_message(QueueUrl=fleet.aws.dead_letter_queue_url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert {"reason", "detail"} <= set(message["MessageAttributes"])
    sqs.delete_message(QueueUrl=fleet.aws.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])
    send(fleet, message["Body"])
    eventually(lambda: fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (1, 0), "the message is dead-lettered again")
    wait_until_empty(fleet)
    assert rows(fleet, verdict) == [before]


def test_a_redriven_message_runs_an_incomplete_shard(fleet: Fleet) -> None:
    """A run is still `running` after five crashes. Its redriven message gives it a verdict."""
    with psycopg.connect(fleet.database_url) as connection:
        connection.execute(CRASHED.encode())
    send(fleet, '{"runId": "crashed", "suite": "smoke"}')
    wait_until_finished(fleet, "crashed")
    assert rows(fleet, "SELECT status FROM test_runs WHERE run_id = 'crashed'") == [{"status": "passed"}]
    assert rows(fleet, "SELECT attempt FROM test_shards WHERE run_id = 'crashed'") == [{"attempt": 6}]


def test_after_a_roll_back_the_older_command_reads_the_newer_tables(empty_database_url: str) -> None:
    """The migration fails with the quoted line and exit code 78. Other commands work."""
    env = {"TESTFLEET_DATABASE_URL": empty_database_url}
    assert python(env, "-m", "testfleet", "migrate").returncode == 0
    with psycopg.connect(empty_database_url) as connection:
        (last,) = connection.execute("SELECT max(version) FROM testfleet_migrations").fetchone() or (0,)
        connection.execute(
            "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (%s, %s, '')",
            (last + 1, f"V{last + 1}__….sql"),
        )
    refused = python(env, "-m", "testfleet", "migrate")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (78, "", 1)
    (quoted,) = blocks("text")
    # the versions in the runbook are examples
    line, expected = (re.sub("[0-9]+", "N", text) for text in (refused.stderr, quoted))
    assert line.startswith(expected.strip())
    listed = python(env, "-m", "testfleet", "runs", "--json")
    assert (listed.returncode, listed.stdout.strip()) == (0, "[]")
