"""Crashes at every step and outages of the database: the rows are those of an undisturbed run."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from handoff.records import Committed, Run
from tests.support.line import Line

Eventually = Callable[[Callable[[], Any], str], Any]
BENCH = Path(__file__).parents[3] / "bench" / "upload.py"
LEASE_OVER = "SELECT 1 FROM test_shards WHERE lease_until < now()"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'testfleet-reporter' AND wait_event_type = 'Lock'"
UNDISTURBED = [
    [{"run_id": "r-1", "suite": "checkout", "status": "failed", "detail": None, "shards": 1, "shards_done": 1,
      "total": 3, "passed": 2, "failed": 1, "errored": 0, "skipped": 0, "flaky": 0, "p95_ms": 100.0}],
    [{"shard": 1, "status": "failed", "detail": None, "outcome": "finished", "exit_code": 1, "cases": 3}],
    [{"name": name, "shard": 1, "status": status, "duration_ms": 100.0}
     for name, status in (("a", "passed"), ("b", "failed"), ("c", "passed"))],
]  # fmt: skip


def begin(pod: Any, claim_id: str = "claim") -> None:
    pod.start()
    pod.job(claim_id=claim_id)
    pod.admission()


def end(pod: Any) -> None:
    (pod.artifacts / "trace.zip").write_bytes(b"PK")
    pod.report("a", "b", "c", failed=("b",))
    pod.outcome(exit_code=1)


class Moments:
    """Brings a pod to one step of its life cycle and keeps it there."""

    def __init__(self, eventually: Eventually, aws: Any) -> None:
        self._eventually = eventually
        self._aws = aws

    def at(self, step: str, pod: Any) -> None:
        begin(pod)
        if step != "claimed":
            pod.report("a", "provisional", end=False)
            self._eventually(lambda: pod.rows("SELECT 1 FROM test_cases"), "a live row")
        if step in {"uploading", "committing"}:
            with psycopg.connect(pod.url) as lock:
                lock.execute("SELECT FROM test_runs FOR UPDATE")  # the final transaction waits for this lock
                end(pod)
                if step == "uploading":
                    self._eventually(self._object, "an object")
                else:
                    self._eventually(lambda: pod.rows(WAITS), "a final transaction that waits")
                pod.kill()
        elif step == "committed":
            end(pod)
            pod.receipt()
            pod.kill()
            (pod.handoff / "receipt.json").unlink()
        else:
            pod.kill()

    def _object(self) -> bool:
        return bool(self._aws.client("s3").list_objects_v2(Bucket=self._aws.bucket)["KeyCount"])


@pytest.fixture
def moments(eventually: Eventually, aws: Any) -> Moments:
    """Steps of a pod's life cycle at which it can be killed."""
    return Moments(eventually, aws)


@pytest.mark.parametrize("step", ["claimed", "tailing", "uploading", "committing", "committed"])
def test_a_reporter_killed_at_any_step_continues(pod: Any, moments: Moments, step: str) -> None:
    """SIGKILL and a new process on the same volume: one attempt, the same rows."""
    moments.at(step, pod)
    pod.start()
    end(pod)
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.results() == UNDISTURBED
    assert pod.rows("SELECT DISTINCT attempt FROM test_cases") == [{"attempt": 1}]
    assert pod.rows("SELECT count(*) AS n FROM artifacts") == [{"n": 2}]


@pytest.mark.parametrize("step", ["claimed", "tailing", "uploading", "committing"])
def test_a_pod_killed_at_any_step_is_replaced(
    pods: Callable[[], Any], moments: Moments, eventually: Eventually, step: str
) -> None:
    """SIGKILL of a whole pod and a second attempt on another volume: the same rows, as attempt 2."""
    dead, heir = pods(), pods()
    moments.at(step, dead)
    eventually(lambda: dead.rows(LEASE_OVER), "the end of the lease")
    begin(heir, "heir")
    assert heir.admission() == Run(attempt=2)
    end(heir)
    assert heir.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert heir.results() == UNDISTURBED
    assert heir.rows("SELECT DISTINCT attempt FROM test_cases") == [{"attempt": 2}]


class DatabaseLine(Line):
    """A TCP proxy of the database's socket."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._behind = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        super().__init__(self._open)
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}{parts.path}"

    def _open(self) -> socket.socket:
        end = socket.socket(socket.AF_UNIX)
        end.connect(self._behind)
        return end


@pytest.fixture
def line(database_url: str) -> Iterator[DatabaseLine]:
    """A line that is up."""
    line = DatabaseLine(database_url)
    yield line
    line.cut()


@pytest.fixture
def s3_line(aws: Any) -> Iterator[Line]:
    """A line to S3 that is up."""
    endpoint = urlsplit(aws.endpoint)
    line = Line(lambda: socket.create_connection((endpoint.hostname, endpoint.port)))
    yield line
    line.cut()


def test_uploads_wait_for_a_bucket_out_of_reach(pod: Any, s3_line: Line, eventually: Eventually) -> None:
    """Within the patience, the uploads are retried until S3 has every file. The suite runs once."""
    pod.env |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_line.port}"}
    begin(pod)
    s3_line.cut()
    end(pod)
    eventually(lambda: pod.has("receipt.json") or pod.log.count('"tries": 6') >= 1, "many uploads that failed")
    assert not pod.has("receipt.json")
    s3_line.mend()
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.results() == UNDISTURBED
    assert pod.rows("SELECT attempt FROM test_shards") == [{"attempt": 1}]


def test_a_database_out_of_reach_during_the_suite_loses_nothing(
    pod: Any, line: DatabaseLine, eventually: Eventually
) -> None:
    """Renewals are retried, the expired lease is renewed, and the rows are written late."""
    pod.env |= {"REPORTER_DATABASE_URL": line.url}
    begin(pod)
    line.cut()
    pod.report("a", end=False)
    eventually(lambda: "lease_not_renewed" in pod.log, "a renewal that failed")
    eventually(lambda: pod.rows(LEASE_OVER), "the end of the lease")
    assert not pod.has("receipt.json")
    line.mend()
    eventually(lambda: pod.rows("SELECT 1 FROM test_cases"), "the live row after all")
    eventually(lambda: not pod.rows(LEASE_OVER), "a lease again")
    end(pod)
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.results() == UNDISTURBED


def test_the_commit_waits_for_a_database_out_of_reach(pod: Any, line: DatabaseLine, eventually: Eventually) -> None:
    """Within the patience, the commit is retried."""
    pod.env |= {"REPORTER_DATABASE_URL": line.url}
    begin(pod)
    line.cut()
    end(pod)
    eventually(lambda: "artifacts_uploaded" in pod.log, "the uploads")
    eventually(lambda: pod.log.partition("artifacts_uploaded")[2].count("database_retry"), "a commit that failed")
    assert not pod.has("receipt.json")
    line.mend()
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.results() == UNDISTURBED


def test_a_connection_cut_within_the_final_transaction_changes_nothing(
    pod: Any, line: DatabaseLine, eventually: Eventually
) -> None:
    """The transaction that waited for a lock fails. The next one commits everything once."""
    pod.env |= {"REPORTER_DATABASE_URL": line.url}
    begin(pod)
    with psycopg.connect(pod.url) as lock:
        lock.execute("SELECT FROM test_runs FOR UPDATE")
        end(pod)
        eventually(lambda: pod.rows(WAITS), "a final transaction that waits")
        line.cut()
        line.mend()
    assert pod.receipt() == Committed(status="failed", cases=3, artifacts=2)
    assert pod.results() == UNDISTURBED


def test_sigterm_ends_a_claim_at_once_while_the_database_is_out_of_reach(pod: Any, eventually: Eventually) -> None:
    """There is no claim to withdraw."""
    pod.start(REPORTER_DATABASE_URL="postgresql://qa@127.0.0.1:1/none")
    pod.job()
    eventually(lambda: "database_retry" in pod.log, "a claim that is tried again")
    pod.signal(signal.SIGTERM)
    assert pod.exit_code() == 0
    assert [path.name for path in pod.handoff.iterdir()] == ["job.json"]


def test_a_large_video_takes_bounded_memory() -> None:
    """A sparse file of 600 MiB takes a fraction of its size in memory."""
    bench = subprocess.run(
        [sys.executable, str(BENCH), "--megabytes", "600"], capture_output=True, text=True, timeout=240, check=False
    )
    assert bench.returncode == 0, bench.stdout + bench.stderr
