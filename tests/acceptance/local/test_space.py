"""A suite that fills its volume, through a real worker and reporter: one errored run, no retry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testfleet.local.pods.pod import Pod
from tests.support import results
from tests.support.aws.endpoint import Aws
from tests.support.fleet import eventually, pod_spec

CATALOG = """
[suites.mine]
runner = "command"
path = "."
timeout = "2m"
command = ["sh", "-c", "cp green.xml $JUNIT_FILE; head -c 3000000 /dev/zero > $ARTIFACTS_DIR/big; sleep 600"]
"""


@pytest.fixture
def pod(tmp_path: Path, aws: Aws, database_url: str) -> Iterator[Pod]:
    """A pod whose suite may write 1 MiB, with its message on the queue."""
    (tmp_path / "catalog.toml").write_text(CATALOG)
    (tmp_path / "green.xml").write_text('<testsuite><testcase name="green"/></testsuite>')
    aws.client("sqs").send_message(QueueUrl=aws.queue_url, MessageBody='{"runId": "r-1", "suite": "mine"}')
    spec = pod_spec(aws, database_url, tmp_path / "catalog.toml", WORKER_ARTIFACTS_LIMIT="1")
    started = Pod("pod-1", tmp_path / "pod-1", spec)
    yield started
    started.kill()


def test_a_suite_that_fills_its_volume_is_errored_once_and_keeps_its_files(
    pod: Pod, aws: Aws, database_url: str
) -> None:
    """The run has the reason, the bucket has the file, and the message is deleted."""
    assert pod.worker.wait(120) == 0
    eventually(lambda: results.finished(database_url, "r-1"), "the run is finished")
    (run,) = results.rows(database_url, "SELECT status, detail, passed FROM test_runs")
    assert (run["status"], run["passed"]) == ("errored", 1)
    assert run["detail"].startswith("the suite ran out of space: artifacts exceed 1 MiB (WORKER_ARTIFACTS_LIMIT)")
    (shard,) = results.rows(database_url, "SELECT outcome, attempt FROM test_shards")
    assert shard == {"outcome": "out_of_space", "attempt": 1}
    (big,) = results.rows(database_url, "SELECT bytes FROM artifacts WHERE right(s3_uri, 4) = '/big'")
    assert big["bytes"] == 3_000_000
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = aws.client("sqs").get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=names)["Attributes"]
    assert [left[name] for name in names] == ["0", "0"]
