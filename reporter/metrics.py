"""One line of CloudWatch's Embedded Metric Format for each finished run.

The format is that of "Specification: CloudWatch embedded metric format" in the CloudWatch user guide.
The dimensions are suite and status. The run's id is a field and never a dimension: each run would become a separate,
billed metric.
"""

import json
from dataclasses import dataclass
from datetime import datetime

NAMESPACE = "testfleet"
_DIMENSIONS = (("suite", "status"), ("suite",), ())
_UNITS = {
    "Runs": "Count",
    "Cases": "Count",
    "CasesFailed": "Count",
    "CasesFlaky": "Count",
    "Retries": "Count",
    "DurationSeconds": "Seconds",
}


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has just got its verdict. `retries` counts the attempts at its shards beyond the first of each."""

    run_id: str
    suite: str
    status: str
    cases: int
    failed: int
    flaky: int
    retries: int
    seconds: float


def line(run: FinishedRun, now: datetime) -> str:
    """Return the line without a line break. `failed` includes errored cases; `cases` excludes skipped ones."""
    values = {
        "Runs": 1,
        "Cases": run.cases,
        "CasesFailed": run.failed,
        "CasesFlaky": run.flaky,
        "Retries": run.retries,
        "DurationSeconds": run.seconds,
    }
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": _DIMENSIONS,
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in _UNITS.items()],
    }
    about = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    fields = {"_aws": about, "suite": run.suite, "status": run.status, "runId": run.run_id}
    return json.dumps(fields | values, separators=(",", ":"))
