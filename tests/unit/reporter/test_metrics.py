"""The line that CloudWatch makes metrics of."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from reporter.metrics import FinishedRun, line

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = FinishedRun("r-42", "checkout", "failed", cases=40, failed=3, flaky=1, retries=0, seconds=81.5)


def test_every_metric_has_its_value_and_every_dimension_its_word() -> None:
    """What the directive announces stands in the same line, as the format's specification wants it."""
    told = json.loads(line(RUN, NOW))
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert told["_aws"]["Timestamp"] == 1767225600000
    assert directive["Namespace"] == "testfleet"
    assert {metric["Name"]: told[metric["Name"]] for metric in directive["Metrics"]} == {
        "Runs": 1,
        "Cases": 40,
        "CasesFailed": 3,
        "CasesFlaky": 1,
        "Retries": 0,
        "DurationSeconds": 81.5,
    }
    for dimensions in directive["Dimensions"]:
        assert all(isinstance(told[name], str) for name in dimensions)


def test_a_run_id_is_no_dimension() -> None:
    """Or every run would be a metric of its own, and cost as much."""
    told = json.loads(line(RUN, NOW))
    assert told["runId"] == "r-42"
    assert told["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["suite", "status"], ["suite"], []]


def test_the_line_is_one_line() -> None:
    """Whatever a suite is called."""
    assert "\n" not in line(replace(RUN, suite="check\nout"), NOW)
