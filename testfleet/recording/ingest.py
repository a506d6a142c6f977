"""Stores JUnit reports of other CI systems.

The reporter runs over a temporary handoff and artifacts folder. This module writes the files that a worker writes when
its suite has ended.
"""

import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

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
from testfleet.errors import CommandError, Refused, Unavailable
from testfleet.recording.reporter_process import ReporterProcess, reporter_process
from testfleet.recording.reports import Report

ADMISSION_SECONDS = 60.0
RECEIPT_SECONDS = 600.0
LEASE_SECONDS = 30
"""Time for which a killed ingest blocks the next ingest of its run."""

R = TypeVar("R", Admission, Receipt)


def ingest(reports: Sequence[Report], job: JobMessage, *, database: Database, bucket: str) -> bool:
    """Store the reports as the only shard of a run. Return False if the run was finished before.

    A second call changes nothing. No process is left, whatever happens.

    Raises:
        Refused: the run id belongs to another suite, or the run has several shards.
        BadSetting: the reporter refuses a setting; the error has this command's name of it.
        Unavailable: the database or the bucket is out of reach, or another process stores the same run now.
    """
    with tempfile.TemporaryDirectory(prefix="testfleet-ingest-") as name:
        folder = Path(name)
        handoff, artifacts = folder / "handoff", folder / "artifacts"
        handoff.mkdir()
        for report in reports:
            target = artifacts / "junit" / report.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(report.source, target)
        started = datetime.now(UTC)
        volume.write(handoff, _record(job))
        settings = {
            "REPORTER_LEASE": str(LEASE_SECONDS),
            "REPORTER_BUCKET": bucket,
            "HANDOFF_DIR": str(handoff),
            "ARTIFACTS_DIR": str(artifacts),
        }
        with reporter_process("reporter", settings, database=database, folder=folder) as reporter:
            admission = _wait_for(Admission, reporter, handoff, ADMISSION_SECONDS).root
            if isinstance(admission, AlreadyComplete):
                return False
            if not isinstance(admission, Run):
                raise _refusal(admission)
            outcome = Outcome(ending="finished", exit_code=0, started_at=started, finished_at=datetime.now(UTC))
            volume.write(handoff, outcome)
            receipt = _wait_for(Receipt, reporter, handoff, RECEIPT_SECONDS).root
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
        return Unavailable(f"another process stores this run now; try again in {admission.retry_after} s")
    if isinstance(admission, Rejected):
        return Refused(f"--run-id: {admission.detail}")
    return Unavailable(f"database: {admission.detail}")


def _wait_for(kind: type[R], reporter: ReporterProcess, folder: Path, timeout: float) -> R:
    """Return the record that the reporter writes.

    Raises:
        Unavailable: the reporter ended, or wrote no valid record within `timeout` seconds.
        BadSetting: the reporter refuses a setting.
    """
    deadline = time.monotonic() + timeout
    while True:
        ended = reporter.process.poll() is not None  # read before the record, which the last step may have written
        try:
            record = volume.read(folder, kind)
        except InvalidInput as error:
            raise Unavailable(f"reporter: {error}") from error
        if record is not None:
            return record
        if ended:
            raise reporter.failure()
        if time.monotonic() >= deadline:
            raise Unavailable(f"reporter: no {kind.FILE} within {timeout:.0f} s; {reporter.last_line()}")
        time.sleep(volume.POLL_SECONDS)
