"""The reporter as a process, and a scripted worker that writes the worker's files."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.rows import dict_row

from handoff import volume
from handoff.message import JobMessage, Shard
from handoff.records import Admission, Decision, JobRecord, Outcome, Receipt, Result, ValidJob
from tests.support.forks.popen import Popen

DEADLINE = 60
T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str) -> T:
    """Return the first true result of the condition."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"not within {DEADLINE} s: {what}")


@dataclass
class Pod:
    """The two folders of a pod and its reporter, which a test may start repeatedly."""

    folder: Path
    env: dict[str, str]
    url: str
    process: subprocess.Popen[str] | None = None
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def handoff(self) -> Path:
        return self.folder / "handoff"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self, **env: str) -> None:
        with (self.folder / "log").open("a") as log:
            self.process = Popen(
                [sys.executable, "-m", "reporter"], env=self.env | env, stdout=log, stderr=log, text=True
            )
        self.processes.append(self.process)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int:
        assert self.process is not None
        return self.process.wait(DEADLINE)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.signal(signal.SIGTERM)
        return self.exit_code()

    def job(self, shard: str = "1/1", *, claim_id: str = "claim", message_id: str = "m-1", **fields: Any) -> None:
        index, _, total = shard.partition("/")
        job = JobMessage(run_id="r-1", suite="checkout", shard=Shard(index=int(index), total=int(total)), **fields)
        valid = ValidJob(claim_id=claim_id, message_id=message_id, receive_count=1, worker="pod-1", job=job)
        volume.write(self.handoff, JobRecord(valid))

    def outcome(self, ending: Any = "finished", exit_code: int | None = 0, detail: str | None = None) -> None:
        now = datetime.now(UTC)
        record = Outcome(ending=ending, exit_code=exit_code, detail=detail, started_at=now, finished_at=now)
        volume.write(self.handoff, record)

    def report(self, *cases: str, end: bool = True, file: str = "junit.xml", failed: tuple[str, ...] = ()) -> None:
        """Write a JUnit file with these cases. Without an end, it still grows."""
        body = "".join(
            f'<testcase name="{case}" time="0.1">{"<failure/>" if case in failed else ""}</testcase>' for case in cases
        )
        path = self.artifacts / "junit" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<testsuites><testsuite>{body}" + "</testsuite></testsuites>" * end)

    def admission(self) -> Decision:
        admission: Admission = until(lambda: self._read(Admission), "admission.json")
        return admission.root

    def receipt(self) -> Result:
        receipt: Receipt = until(lambda: self._read(Receipt), "receipt.json")
        return receipt.root

    def place(self, file: str, content: Any) -> None:
        """Write a handoff file as a broken worker might write it."""
        (self.handoff / file).write_text(content if isinstance(content, str) else json.dumps(content))

    def has(self, file: str) -> bool:
        return (self.handoff / file).exists()

    def _read(self, kind: Any) -> Any:
        record = volume.read(self.handoff, kind)
        assert self.process is not None
        if record is None and self.process.poll() is not None:
            pytest.fail(f"the reporter ended with {self.process.returncode}:\n{self.log}")
        return record

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def results(self) -> list[list[dict[str, Any]]]:
        """Return the result rows without attempts, moments and ids of pods."""
        return [
            self.rows("SELECT run_id, suite, status, detail, shards, shards_done, total, passed, failed, errored, "
                      "skipped, flaky, p95_ms FROM test_runs"),
            self.rows("SELECT shard, status, detail, outcome, exit_code, cases FROM test_shards ORDER BY 1"),
            self.rows("SELECT name, shard, status, duration_ms FROM test_cases ORDER BY 1"),
        ]  # fmt: skip


@pytest.fixture
def pods(database_url: str, aws: Any, clean_env: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], Pod]]:
    """Return a function that makes pods with a shared database and bucket."""
    made: list[Pod] = []

    def make() -> Pod:
        folder = tmp_path / f"pod-{len(made)}"
        pod = Pod(folder, {}, database_url)
        pod.handoff.mkdir(parents=True)
        pod.artifacts.mkdir()
        pod.env = clean_env | aws.env | {
            "HANDOFF_DIR": str(pod.handoff),
            "ARTIFACTS_DIR": str(pod.artifacts),
            "REPORTER_DATABASE_URL": database_url,
            "REPORTER_BUCKET": aws.bucket,
            "REPORTER_LEASE": "3",
            "PYTHONWARNINGS": "error::ResourceWarning",
        }  # fmt: skip
        made.append(pod)
        return pod

    yield make
    for pod in made:
        for process in pod.processes:
            if process.poll() is None:
                process.kill()
            process.wait(DEADLINE)


@pytest.fixture
def pod(pods: Callable[[], Pod]) -> Pod:
    """One pod."""
    return pods()


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any], str], Any]:
    """Return a function that waits for a condition with a deadline."""
    return until
