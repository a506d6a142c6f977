"""Renders a run in the Common Test Report Format: https://ctrf.io, schema version 0.0."""

import json
import math
import re
import uuid
from datetime import datetime
from importlib import metadata
from typing import Any

from testfleet.output.blocks import clean, clean_line
from testfleet.report.run_report import Case, File, RunReport, Try, web_address

SPECIFICATION = "0.0.0"
_STATUSES = {"passed": "passed", "failed": "failed", "errored": "failed", "skipped": "skipped"}
_RUNS = uuid.UUID("6d1c2f0e-0f53-5a52-9a4e-1f6b3c7d9e21")
"""Namespace of the ids: the report of one run always has the same id."""

_LINE = re.compile(r":(\d{1,7})$")


def render(report: RunReport) -> str:
    """Return the run as JSON. An errored case is `failed` with `rawStatus` `errored`."""
    run = report.run
    start, stop = _moment(run.started_at or run.queued_at), _moment(run.finished_at)
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "reportId": str(uuid.uuid5(_RUNS, run.run_id)),
        "runId": run.run_id,
        "generatedBy": f"testfleet {metadata.version('testfleet')}",
        "results": {
            "tool": {"name": "testfleet"},
            "summary": {
                "tests": len(report.cases),
                "passed": sum(case.status == "passed" for case in report.cases),
                "failed": len(report.bad),
                "skipped": sum(case.status == "skipped" for case in report.cases),
                "pending": 0,
                "other": 0,
                "flaky": len(report.flaky),
                "start": start or 0,
                "stop": stop or start or 0,
                "extra": {"status": run.status, "sentence": report.sentence},
            },
            "tests": [_case(case, run.suite) for case in report.cases],
            "environment": _environment(report),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _environment(report: RunReport) -> dict[str, Any]:
    run = report.run
    return _known(
        {
            "reportName": run.suite,
            "commit": run.commit,
            "branchName": run.branch,
            "buildUrl": web_address(run.ci_url),
            "testEnvironment": run.environment,
        }
    )


def _case(case: Case, suite: str | None) -> dict[str, Any]:
    line = _LINE.search(case.location or "")
    return _known(
        {
            "name": clean_line(case.name) or "unnamed",
            "status": _STATUSES[case.status],
            "rawStatus": case.status,
            "duration": _whole(case.duration_ms) or 0,
            "start": _moment(case.started_at),
            "stop": _moment(case.finished_at),
            "suite": [clean_line(suite)] if suite else None,
            "message": _text(case.first_message),
            "trace": _text(case.error),
            "line": int(line[1]) if line else None,
            "filePath": case.file,
            "retries": max(len(case.tries) - 1, 0),
            "retryAttempts": [_try(number, one) for number, one in enumerate(case.tries[:-1], start=1)] or None,
            "flaky": case.flaky,
            "attachments": [_attachment(file) for file in case.files] or None,
            "extra": _known(
                {
                    "shard": case.shard,
                    "attempt": case.attempt,
                    "kind": case.failure.kind if case.failure else None,
                    "cause": case.failure.cause_id if case.failure else None,
                    "fingerprint": case.fingerprint,
                }
            ),
        }
    )


def _try(number: int, one: Try) -> dict[str, Any]:
    return _known(
        {
            "attempt": number,
            "status": _STATUSES[one.status],
            "duration": _whole(one.duration_ms),
            "message": _text(one.message),
            "trace": _text(one.error),
        }
    )


def _attachment(file: File) -> dict[str, Any]:
    name = clean_line(file.s3_uri.rpartition("/")[2])
    return {"name": name, "contentType": clean_line(file.content_type), "path": clean_line(file.s3_uri)}


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(text: str | None) -> str | None:
    return clean(text) if text else None


def _whole(milliseconds: float | None) -> int | None:
    """Return whole milliseconds of at least 0, or None if the report had no finite duration."""
    return round(max(milliseconds, 0)) if milliseconds is not None and math.isfinite(milliseconds) else None


def _moment(time: datetime | None) -> int | None:
    return round(time.timestamp() * 1000) if time else None
