"""The six files: written whole, read back, and rejected with the name of the wrong field."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handoff import volume
from handoff.message import JobMessage
from handoff.records import (
    Admission,
    AlreadyComplete,
    Busy,
    Committed,
    Container,
    Failed,
    Interrupted,
    InvalidJob,
    JobRecord,
    Outcome,
    Progress,
    Receipt,
    Rejected,
    Run,
    Superseded,
    Unavailable,
    ValidJob,
)
from runtime.errors import InvalidInput

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VALID = JobRecord(
    ValidJob(
        claim_id="c-1",
        message_id="m-1",
        receive_count=1,
        worker="pod-1",
        container=Container(image="all:1.0@sha256:abc", cpu_millis=500, memory_mib=1024),
        job=JobMessage(run_id="r-42", suite="checkout", params={"A": "b"}),
    )
)
INVALID = JobRecord(
    InvalidJob(message_id="m-1", run_id="r-42", reason="unknown_suite", detail="suite: must be one of a, b")
)
OUTCOME = Outcome(ending="finished", exit_code=1, started_at=NOW, finished_at=NOW, tools={"k6": "1.1.0"})

RECORDS: list[Any] = [
    VALID,
    INVALID,
    Admission(Run(attempt=2)),
    Admission(AlreadyComplete()),
    Admission(Busy(retry_after=120, same_message=True)),
    Admission(Rejected(reason="other_total", detail="shard: must be i/4")),
    Admission(Unavailable(detail="no answer within 300 s")),
    OUTCOME,
    Progress(count=7),
    Receipt(Committed(status="failed", cases=3, artifacts=2)),
    Receipt(Interrupted(cases=1)),
    Receipt(Superseded()),
    Receipt(Failed(detail="S3 did not answer")),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(getattr(record, "root", record)).__name__)
def test_a_record_comes_back_as_it_was_written(record: Any, tmp_path: Path) -> None:
    """Every kind of record survives the volume."""
    volume.write(tmp_path, record)
    assert volume.read(tmp_path, type(record)) == record
    assert json.loads((tmp_path / record.FILE).read_text())["version"] == (2 if isinstance(record, JobRecord) else 1)


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    """A missing file is no error."""
    assert volume.read(tmp_path, Outcome) is None


def test_writing_twice_leaves_one_whole_file_and_nothing_else(tmp_path: Path) -> None:
    """No temporary file is left."""
    volume.write(tmp_path, OUTCOME)
    volume.write(tmp_path, OUTCOME)
    assert [path.name for path in tmp_path.iterdir()] == ["outcome.json"]


def test_a_reader_that_opened_the_old_file_reads_all_of_it(tmp_path: Path) -> None:
    """The new record takes the name by a rename; the old file is not written to."""
    volume.write(tmp_path, Progress(count=7))
    with (tmp_path / Progress.FILE).open(encoding="utf-8") as file:
        volume.write(tmp_path, Progress(count=8))
        assert Progress.model_validate_json(file.read()) == Progress(count=7)
    assert volume.read(tmp_path, Progress) == Progress(count=8)


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    """A reader sees the old record or the new one, never a part."""
    (tmp_path / "outcome.json").mkdir()  # a rename onto a folder fails
    with pytest.raises(OSError, match="outcome"):
        volume.write(tmp_path, OUTCOME)
    assert [path.name for path in tmp_path.iterdir()] == ["outcome.json"]


def test_the_other_container_may_read_the_file(tmp_path: Path) -> None:
    """Worker and reporter may run as different users."""
    volume.write(tmp_path, OUTCOME)
    assert (tmp_path / "outcome.json").stat().st_mode & 0o777 == 0o644


def test_fields_of_a_newer_writer_are_ignored(tmp_path: Path) -> None:
    """Within one version, readers ignore what they don't know."""
    data = json.loads(OUTCOME.model_dump_json(by_alias=True)) | {"mood": "sunny"}
    (tmp_path / "outcome.json").write_text(json.dumps(data))
    assert volume.read(tmp_path, Outcome) == OUTCOME


@pytest.mark.parametrize(
    ("kind", "good", "field", "value", "line"),
    [
        (JobRecord, VALID, "version", 1, "job.json.valid.version: Input should be 2"),
        (JobRecord, VALID, "claimId", "", "job.json.valid.claimId: String should have at least 1 character"),
        (JobRecord, VALID, "claimId", ..., "job.json.valid.claimId: is required"),
        (JobRecord, VALID, "messageId", None, "job.json.valid.messageId: Input should be a valid string"),
        (
            JobRecord,
            VALID,
            "receiveCount",
            0,
            "job.json.valid.receiveCount: Input should be greater than or equal",
        ),
        (JobRecord, VALID, "worker", 1, "job.json.valid.worker: Input should be a valid string"),
        (
            JobRecord,
            VALID,
            "job",
            {"runId": "a/b", "suite": "x"},
            "job.json.valid.job.runId: must be 1 to 128",
        ),
        (JobRecord, VALID, "job", None, "job.json.valid.job: Input should be an object"),
        (JobRecord, VALID, "kind", "odd", "job.json: Input tag 'odd'"),
        (JobRecord, INVALID, "runId", ..., "job.json.invalid.runId: is required"),
        (Admission, Admission(Run(attempt=1)), "version", "one", "admission.json.run.version: Input should be 1"),
        (Admission, Admission(Run(attempt=1)), "decision", "maybe", "admission.json: Input tag 'maybe'"),
        (Admission, Admission(Run(attempt=1)), "attempt", 0, "admission.json.run.attempt: Input should be greater"),
        (
            Admission,
            Admission(Busy(retry_after=1, same_message=True)),
            "retryAfter",
            -1,
            "admission.json.busy.retryAfter: Input should be greater",
        ),
        (
            Admission,
            Admission(Busy(retry_after=1, same_message=True)),
            "sameMessage",
            ...,
            "admission.json.busy.sameMessage: is required",
        ),
        (Outcome, OUTCOME, "version", 0, "outcome.json.version: Input should be 1"),
        (Outcome, OUTCOME, "ending", "done", "outcome.json.ending: Input should be 'finished', 'timed_out'"),
        (Outcome, OUTCOME, "exitCode", "x", "outcome.json.exitCode: Input should be a valid integer"),
        (Outcome, OUTCOME, "startedAt", "noon", "outcome.json.startedAt: Input should be a valid datetime"),
        (Outcome, OUTCOME, "finishedAt", ..., "outcome.json.finishedAt: is required"),
        (Receipt, Receipt(Superseded()), "result", "ok", "receipt.json: Input tag 'ok'"),
        (
            Receipt,
            Receipt(Committed(status="passed")),
            "status",
            "green",
            "receipt.json.committed.status: Input should be 'passed'",
        ),
        (
            Receipt,
            Receipt(Committed(status="passed")),
            "cases",
            -1,
            "receipt.json.committed.cases: Input should be greater",
        ),
        (Receipt, Receipt(Failed(detail="x")), "detail", None, "receipt.json.failed.detail: Input should be a valid"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(  # noqa: PLR0917  # one row of the table
    kind: Any, good: Any, field: str, value: object, line: str, tmp_path: Path
) -> None:
    """Each field of each file in turn; `...` leaves it out."""
    data = json.loads(good.model_dump_json(by_alias=True)) | {field: value}
    (tmp_path / kind.FILE).write_text(
        json.dumps({key: item for key, item in data.items() if item is not ...}, default=str)
    )
    with pytest.raises(InvalidInput) as caught:
        volume.read(tmp_path, kind)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_record_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file that something else wrote never crashes a program."""
    (tmp_path / "receipt.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"^receipt\.json"):
        volume.read(tmp_path, Receipt)


async def test_a_wait_ends_when_the_file_is_there(tmp_path: Path) -> None:
    """A file that exists already is returned at once."""
    volume.write(tmp_path, OUTCOME)
    assert await volume.wait_for(tmp_path, Outcome, timeout=5) == OUTCOME


async def test_a_wait_ends_at_its_deadline(tmp_path: Path) -> None:
    """No wait is without a deadline."""
    with pytest.raises(TimeoutError):
        await volume.wait_for(tmp_path, Outcome, timeout=0)


def test_files_of_an_earlier_release_are_read(tmp_path: Path) -> None:
    """Pods of two releases run side by side during an upgrade, and their images may differ within a pod."""
    job = '{"version":2,"kind":"valid","claimId":"c","messageId":"m","receiveCount":1,"worker":"p",'
    (tmp_path / "job.json").write_text(job + '"job":{"runId":"r","suite":"s","shard":{"index":1,"total":1}}}')
    times = '"startedAt":"2026-11-20T12:00:00Z","finishedAt":"2026-11-20T12:00:01Z"'
    (tmp_path / "outcome.json").write_text('{"version":1,"ending":"finished","exitCode":0,' + times + "}")
    read = volume.read(tmp_path, JobRecord)
    assert read is not None
    assert isinstance(read.root, ValidJob)
    assert (read.root.container, read.root.job.author) == (Container(), None)
    outcome = volume.read(tmp_path, Outcome)
    assert outcome is not None
    assert outcome.tools == {}
