"""Wrong settings and handoff files end in one clear line."""

from typing import Any

import certifi
import pytest

from handoff.records import (
    Failed,
)

JOB = {
    "version": 2, "kind": "valid", "claimId": "c", "messageId": "m", "receiveCount": 1, "worker": "w",
    "job": {"runId": "r-1", "suite": "checkout", "shard": "1/1"},
}  # fmt: skip

OUTCOME = {
    "version": 1, "ending": "finished", "exitCode": 0,
    "startedAt": "2025-01-01T00:00:00Z", "finishedAt": "2025-01-01T00:00:01Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("job.json", "{", "job.json: Invalid JSON"),
        ("job.json", JOB | {"version": 1}, "job.json.valid.version: Input should be 2"),
        ("job.json", JOB | {"claimId": ""}, "job.json.valid.claimId: String should have at least 1 character"),
        ("job.json", JOB | {"messageId": None}, "job.json.valid.messageId: Input should be a valid string"),
        ("job.json", JOB | {"receiveCount": 0}, "job.json.valid.receiveCount: Input should be greater than or equal"),
        ("job.json", JOB | {"worker": 7}, "job.json.valid.worker: Input should be a valid string"),
        ("job.json", JOB | {"job": {"runId": "a b", "suite": "s"}}, "job.json.valid.job.runId: must be 1 to 128"),
        ("job.json", JOB | {"job": {"runId": "a"}}, "job.json.valid.job.suite: is required"),
        ("job.json", JOB | {"job": {"runId": "a", "suite": "s", "shard": "5/4"}}, "job.json.valid.job.shard: must be "),
        ("job.json", JOB | {"job": None}, "job.json.valid.job: Input should be an object"),
        ("job.json", JOB | {"kind": "odd"}, "job.json: Input tag 'odd'"),
        ("job.json", {"version": 2, "kind": "invalid", "messageId": "m", "runId": "/", "reason": "x", "detail": "y"},
         "job.json.invalid.runId: must be 1 to 128"),
        ("outcome.json", "[]", "outcome.json: "),
        ("outcome.json", OUTCOME | {"version": 2}, "outcome.json.version: Input should be 1"),
        ("outcome.json", OUTCOME | {"ending": "fine"}, "outcome.json.ending: Input should be 'finished'"),
        ("outcome.json", OUTCOME | {"exitCode": "x"}, "outcome.json.exitCode: Input should be a valid integer"),
        ("outcome.json", OUTCOME | {"startedAt": "noon"}, "outcome.json.startedAt: Input should be a valid datetime"),
        ("outcome.json", OUTCOME | {"finishedAt": None}, "outcome.json.finishedAt: Input should be a valid datetime"),
    ],
)  # fmt: skip
def test_each_wrong_field_of_a_handoff_file_is_one_clear_line(pod: Any, file: str, content: Any, line: str) -> None:
    """The receipt is `failed` and names file and field."""
    if file == "outcome.json":
        pod.place("job.json", JOB)
    pod.place(file, content)
    pod.start()
    receipt = pod.receipt()
    assert isinstance(receipt, Failed)
    assert receipt.detail.startswith(line)
    assert "\n" not in receipt.detail
    assert pod.stop() == 0
    assert pod.rows("SELECT * FROM test_cases") == []


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("REPORTER_DATABASE_URL", "mysql://db/qa", "REPORTER_DATABASE_URL: must be a postgresql://"),
        ("REPORTER_BUCKET", "", "REPORTER_BUCKET: is required"),
        ("REPORTER_LEASE", "soon", "REPORTER_LEASE: Input should be a valid integer"),
        ("HANDOFF_DIR", "/nowhere/at/all", "HANDOFF_DIR: must be an existing folder"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_setting_ends_the_program_with_one_line(pod: Any, name: str, value: str, line: str) -> None:
    """The exit code is 78, and stderr has only this line."""
    pod.start(**{name: value})
    assert pod.exit_code() == 78
    assert pod.log.startswith(f"reporter: {line}")
    assert pod.log.count("\n") == 1


def test_iam_without_a_region_is_a_wrong_setting(pod: Any) -> None:
    """A token can't be signed without a region."""
    del pod.env["AWS_REGION"]
    pod.start(
        REPORTER_DATABASE_AUTH="iam",
        REPORTER_DATABASE_URL="postgresql://qa@db/qa",
        REPORTER_DATABASE_CA=certifi.where(),
    )
    assert pod.exit_code() == 78
    assert pod.log == "reporter: AWS_REGION: must name a region if REPORTER_DATABASE_AUTH is iam\n"
