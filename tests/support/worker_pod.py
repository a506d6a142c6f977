"""The worker as a real process, against moto's SQS, with a scripted stand-in for the reporter."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handoff import volume
from handoff.records import Admission, Committed, JobRecord, Outcome, Receipt, Run, ValidJob
from tests.support.forks.popen import Popen

WORKER = (sys.executable, "-m", "worker")
DEADLINE = 30
"""Maximum seconds to wait for a condition. Only a hang reaches it, not a slow machine."""


def until(condition: Callable[[], Any]) -> Any:
    """Wait for the condition, and return its first true value."""
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE} s"
        time.sleep(0.02)
    return value


@dataclass
class Script:
    """The answers of the stand-in for the reporter: a record, the raw text of a file, or None."""

    admission: Admission | str | None = field(default_factory=lambda: Admission(Run(attempt=1)))
    receipt: Receipt | str | None = field(default_factory=lambda: Receipt(Committed(status="passed")))
    receipt_after_outcome: bool = True
    """If False, the receipt is written during the suite, once the artifact `started` exists."""


class Sidecar:
    """Replaces the reporter on the handoff, in a thread."""

    def __init__(self, handoff: Path, artifacts: Path, script: Script) -> None:
        self._handoff = handoff
        self._artifacts = artifacts
        self._script = script
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _play(self) -> None:
        if not self._wait((self._handoff / JobRecord.FILE).exists):
            return
        job = volume.read(self._handoff, JobRecord)
        assert job is not None
        if isinstance(job.root, ValidJob):
            self._write(Admission, self._script.admission)
            name = self._handoff / Outcome.FILE if self._script.receipt_after_outcome else self._artifacts / "started"
            if not self._wait(name.exists):
                return
        self._write(Receipt, self._script.receipt)

    def _write(self, kind: type[Admission | Receipt], answer: Admission | Receipt | str | None) -> None:
        if isinstance(answer, str):
            (self._handoff / kind.FILE).write_text(answer)
        elif answer is not None:
            volume.write(self._handoff, answer)

    def _wait(self, condition: Callable[[], bool]) -> bool:
        while not condition():
            if self._over.wait(0.02):
                return False
        return True


class Pod:
    """The environment of one worker: folders, a catalog, a queue and its dead-letter queue."""

    argv: Sequence[str] = WORKER
    popen = Popen

    def __init__(self, folder: Path, aws: Any, clean_env: dict[str, str]) -> None:
        self.aws = aws
        self.sqs = aws.client("sqs")
        self.handoff, self.artifacts, self.suites = (folder / name for name in ("handoff", "artifacts", "suites"))
        for each in (self.handoff, self.artifacts, self.suites):
            each.mkdir()
        self.env = (
            clean_env
            | aws.env
            | {
                "WORKER_QUEUE_URL": aws.queue_url,
                "WORKER_DEAD_LETTER_QUEUE_URL": aws.dead_letter_queue_url,
                "WORKER_CATALOG": str(self.suites / "catalog.toml"),
                "WORKER_RECEIVE_WAIT": "10",
                "WORKER_STOP_GRACE": "5",
                "WORKER_RECEIPT_TIMEOUT": "20",
                "WORKER_RETRY_DELAY": "0",
                "WORKER_SUITE_SANDBOX": "off",  # the handoff is below /tmp here, which the suite may use
                "HANDOFF_DIR": str(self.handoff),
                "ARTIFACTS_DIR": str(self.artifacts),
            }
        )
        self.suite("exit 0")
        self._open: list[Any] = []

    def suite(self, script: str, *, timeout: float = 60, more: str = "") -> None:
        """Write a catalog with one suite `checkout`, a shell script."""
        command = json.dumps(["sh", "-c", script])
        text = f'[suites.checkout]\nrunner = "command"\npath = "."\ntimeout = {timeout}\ncommand = {command}\n{more}'
        (self.suites / "catalog.toml").write_text(text)

    def send(self, body: str | None = None, **fields: object) -> str:
        """Send a message and return its body."""
        body = json.dumps({"runId": "r-42", "suite": "checkout"} | fields) if body is None else body
        self.sqs.send_message(QueueUrl=self.aws.queue_url, MessageBody=body)
        return body

    def start(self, script: Script | None = None, **settings: str) -> "Worker":
        sidecar = Sidecar(self.handoff, self.artifacts, script or Script())
        worker = Worker(self.popen, self.argv, self.env | settings, sidecar)
        self._open.append(worker)
        return worker

    def run(self, script: Script | None = None, **settings: str) -> int:
        """Run a worker to its end and return its exit code."""
        return self.start(script, **settings).wait()

    def outcome(self) -> Outcome:
        outcome = volume.read(self.handoff, Outcome)
        assert outcome is not None
        return outcome

    def started(self) -> None:
        """Wait until the suite has created `$ARTIFACTS_DIR/started`."""
        until((self.artifacts / "started").exists)

    def waiting(self) -> int:
        return self._count("ApproximateNumberOfMessages")

    def in_flight(self) -> int:
        return self._count("ApproximateNumberOfMessagesNotVisible")

    def is_empty(self) -> bool:
        return self.waiting() == self.in_flight() == 0

    def dead(self) -> list[tuple[str, str, str]]:
        """Return body, reason and detail of each dead message."""
        answer = self.sqs.receive_message(
            QueueUrl=self.aws.dead_letter_queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            (
                message["Body"],
                message["MessageAttributes"]["reason"]["StringValue"],
                message["MessageAttributes"]["detail"]["StringValue"],
            )
            for message in answer.get("Messages", [])
        ]

    def close(self) -> None:
        for worker in self._open:
            worker.close()

    def _count(self, name: str) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.aws.queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])


class Worker:
    """A running `python -m worker`."""

    def __init__(self, popen: Any, argv: Sequence[str], env: dict[str, str], sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self.process: subprocess.Popen[str] = popen(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: list[str] = []
        self._errors: list[str] = []
        assert self.process.stdout
        assert self.process.stderr
        self._readers = [
            threading.Thread(target=self._lines.extend, args=(self.process.stdout,)),
            threading.Thread(target=self._errors.extend, args=(self.process.stderr,)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self._lines)]

    @property
    def errors(self) -> str:
        return "".join(self._errors)

    def events(self) -> list[str]:
        return [line["event"] for line in self.log]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        code = self.process.wait(60)
        for reader in self._readers:
            reader.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self._sidecar.close()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


def is_running(pid: int) -> bool:
    """Return whether the process exists and is no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # ProcessLookupError: it ended during the read
        return False
