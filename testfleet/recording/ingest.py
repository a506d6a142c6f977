"""Brings JUnit made elsewhere into the tables, through the very program that does it in the cluster.

The reporter is started as a process over a temporary handoff and artifacts folder; this module plays the worker whose
suite has just ended.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from handoff import volume
from handoff.message import JobMessage
from handoff.records import (
    Admission,
    AlreadyComplete,
    Busy,
    Cancelled,
    Committed,
    Failed,
    JobRecord,
    Outcome,
    Receipt,
    Rejected,
    Run,
    ValidJob,
)
from runtime.errors import InvalidInput
from testfleet.database.connection import Database
from testfleet.errors import BadSetting, CommandError, Refused, Unavailable
from testfleet.recording.reports import Report

ADMISSION_SECONDS = 60.0
RECEIPT_SECONDS = 600.0
STOP_SECONDS = 10.0
PATIENCE_SECONDS = 20
"""How long the reporter waits for a database out of reach: short, because the command is interactive."""
LEASE_SECONDS = 30
"""How long a killed ingest keeps its run from being brought in again."""

_SETTING_WRONG = 78  # the reporter's own exit code for it

R = TypeVar("R", Admission, Receipt)


def ingest(reports: Sequence[Report], job: JobMessage, *, database: Database, bucket: str) -> bool:
    """Bring the reports in as the one shard of a run; False if the run stood complete already.

    A second time changes nothing. Whatever happens, no process is left.

    Raises:
        Refused: the run id belongs to another suite or has other shards.
        BadSetting: the reporter refuses a setting; the error has our name of it.
        Unavailable: database or bucket are out of reach, or another process stores the same run at this moment.
    """
    with tempfile.TemporaryDirectory(prefix="testfleet-ingest-") as name:
        handoff, artifacts = Path(name, "handoff"), Path(name, "artifacts")
        handoff.mkdir()
        for report in reports:
            target = artifacts / "junit" / report.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(report.source, target)
        started = datetime.now(UTC)
        volume.write(handoff, _record(job))
        environment = _environment(os.environ, database, bucket) | {
            "HANDOFF_DIR": str(handoff),
            "ARTIFACTS_DIR": str(artifacts),
        }
        with Path(name, "reporter.log").open("w+b") as log, _reporter(environment, name, log) as process:
            admission = _await(process, log, handoff, Admission, ADMISSION_SECONDS).root
            if isinstance(admission, AlreadyComplete):
                return False
            if not isinstance(admission, Run):
                raise _refusal(admission)
            ended = Outcome(ending="finished", exit_code=0, started_at=started, finished_at=datetime.now(UTC))
            volume.write(handoff, ended)
            receipt = _await(process, log, handoff, Receipt, RECEIPT_SECONDS).root
            if isinstance(receipt, Cancelled):
                return False
            if not isinstance(receipt, Committed):
                why = receipt.detail if isinstance(receipt, Failed) else receipt.result
                raise Unavailable(f"reporter: {why}")
            return True


def _record(job: JobMessage) -> JobRecord:
    unique = uuid.uuid4().hex
    valid = ValidJob(
        claim_id=unique, message_id=f"ingest-{unique}", receive_count=1, worker=socket.gethostname(), job=job
    )
    return JobRecord(valid)


def _refusal(admission: Any) -> CommandError:
    if isinstance(admission, Busy):
        return Unavailable(f"the run is being brought in by another process; try again in {admission.retry_after} s")
    if isinstance(admission, Rejected):
        return Refused(f"--run-id: {admission.detail}")
    return Unavailable(f"database: {admission.detail}")


def _environment(environ: Mapping[str, str], database: Database, bucket: str) -> dict[str, str]:
    """The reporter's settings, made of ours."""
    return reporter_environment(environ, database) | {
        "REPORTER_LEASE": str(LEASE_SECONDS),
        "REPORTER_BUCKET": bucket,
    }


def reporter_environment(environ: Mapping[str, str], database: Database) -> dict[str, str]:
    """Return the environment for a program of the reporter: our database and the AWS access of `environ`."""
    foreign = ("TESTFLEET_", "REPORTER_", "WORKER_")
    return {name: value for name, value in environ.items() if not name.startswith(foreign)} | {
        "REPORTER_DATABASE_URL": database.url,
        "REPORTER_DATABASE_AUTH": database.auth,
        "REPORTER_DATABASE_CA": database.authorities,
        "REPORTER_DATABASE_PATIENCE": str(PATIENCE_SECONDS),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "warning",
    }


@contextmanager
def _reporter(environment: Mapping[str, str], folder: str, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The reporter's process; it is gone when the block is left, also by SIGTERM."""
    previous = signal.signal(signal.SIGTERM, _leave)
    # -P: a folder named reporter where the command is called must not be taken for ours.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "reporter"],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is ours to pass on, in order
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        signal.signal(signal.SIGTERM, previous)


def _leave(signum: int, _: object) -> None:
    sys.exit(128 + signum)


def _await(process: subprocess.Popen[bytes], log: IO[bytes], folder: Path, kind: type[R], timeout: float) -> R:
    """The reporter's answer.

    Raises:
        Unavailable: it ended or said nothing in `timeout` seconds.
        BadSetting: it refuses a setting.
    """
    deadline = time.monotonic() + timeout
    while True:
        ended = process.poll()  # asked before the look: what it wrote last is then there to see
        try:
            record = volume.read(folder, kind)
        except InvalidInput as error:
            raise Unavailable(f"reporter: {error}") from error
        if record is not None:
            return record
        if ended is not None:
            raise _death(ended, _last_line(log))
        if time.monotonic() >= deadline:
            raise Unavailable(f"reporter: no {kind.FILE} within {timeout:.0f} s; {_last_line(log)}")
        time.sleep(volume.POLL_SECONDS)


def _death(exit_code: int, said: str) -> CommandError:
    if exit_code == _SETTING_WRONG:
        told = said.removeprefix("reporter: ")
        return BadSetting(told.replace("REPORTER_DATABASE", "TESTFLEET_DATABASE").replace("REPORTER_", "TESTFLEET_"))
    return Unavailable(f"reporter: ended with {exit_code}: {said}")


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
