"""The line from which CloudWatch extracts metrics."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from reporter.metrics import FinishedRun, line

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = FinishedRun("r-42", "checkout", "failed", cases=40, failed=3, flaky=1, retries=0, seconds=81.5)


def test_every_metric_and_every_dimension_has_a_value() -> None:
    """The format requires a field for each name of the directive."""
    fields = json.loads(line(RUN, NOW))
    (directive,) = fields["_aws"]["CloudWatchMetrics"]
    assert fields["_aws"]["Timestamp"] == 1767225600000
    assert directive["Namespace"] == "testfleet"
    assert {metric["Name"]: fields[metric["Name"]] for metric in directive["Metrics"]} == {
        "Runs": 1,
        "Cases": 40,
        "CasesFailed": 3,
        "CasesFlaky": 1,
        "Retries": 0,
        "DurationSeconds": 81.5,
    }
    for dimensions in directive["Dimensions"]:
        assert all(isinstance(fields[name], str) for name in dimensions)


def test_a_run_id_is_no_dimension() -> None:
    """Otherwise each run would be a separate, billed metric."""
    fields = json.loads(line(RUN, NOW))
    assert fields["runId"] == "r-42"
    assert fields["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["suite", "status"], ["suite"], []]


def test_the_line_is_one_line() -> None:
    """This holds for any name of a suite."""
    assert "\n" not in line(replace(RUN, suite="check\nout"), NOW)
