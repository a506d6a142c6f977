"""A run in the Common Test Report Format."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker

from testfleet.report import ctrf
from testfleet.report.run_report import Try
from tests.support.run_report import Make

SCHEMA = json.loads((Path(__file__).parents[3] / "fixtures" / "ctrf" / "ctrf-schema-0.0.json").read_text())
VALIDATOR = Draft7Validator(SCHEMA, format_checker=FormatChecker())


def rendered(report: Any) -> dict[str, Any]:
    text = ctrf.render(report)
    document: dict[str, Any] = json.loads(text.encode())
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    return document


def test_a_run_is_valid_by_the_published_schema(make: Make) -> None:
    document = rendered(make.whole())
    summary = document["results"]["summary"]
    assert {key: summary[key] for key in ("tests", "passed", "failed", "skipped", "pending", "other", "flaky")} == {
        "tests": 8, "passed": 2, "failed": 5, "skipped": 1, "pending": 0, "other": 0, "flaky": 1,
    }  # fmt: skip
    assert summary["stop"] - summary["start"] == 185_000
    assert document["results"]["environment"] == {
        "reportName": "checkout",
        "commit": "9f2c1ab77aa",
        "branchName": "feature/x",
        "buildUrl": "https://ci.example.com/1",
        "testEnvironment": "staging",
    }


def test_the_schema_refuses_what_ctrf_does_not_have(make: Make) -> None:
    """The validator of these tests can fail."""
    document = rendered(make.whole())
    document["results"]["tests"][0]["status"] = "errored"
    assert list(VALIDATOR.iter_errors(document))


def test_an_errored_case_is_failed_with_its_own_status(make: Make) -> None:
    tests = {test["name"]: test for test in rendered(make.whole())["results"]["tests"]}
    assert (tests["signs in"]["status"], tests["signs in"]["rawStatus"]) == ("failed", "errored")
    assert tests["signs in"]["extra"]["kind"] == "flaky"
    assert tests["left out"]["status"] == "skipped"


def test_a_case_has_place_message_trace_and_files(make: Make) -> None:
    case = rendered(make.whole())["results"]["tests"][0]
    assert (case["line"], case["message"]) == (12, "expected 200\nreceived 500")
    assert case["trace"].startswith("AssertionError")
    assert case["attachments"] == [
        {"name": "trace.zip", "contentType": "application/zip", "path": "s3://qa/r-42/1/1/trace.zip"}
    ]


def test_the_tries_before_the_last_one_are_retry_attempts(make: Make) -> None:
    case = next(test for test in rendered(make.whole())["results"]["tests"] if test["name"] == "adds")
    assert (case["flaky"], case["retries"]) == (True, 1)
    assert case["retryAttempts"] == [
        {"attempt": 1, "status": "failed", "duration": 900, "message": "timed out", "trace": "Timeout: timed out"}
    ]


def test_two_reports_of_a_run_are_equal(make: Make) -> None:
    assert ctrf.render(make.whole()) == ctrf.render(make.whole())
    other = ctrf.render(make.report(run_id="r-43"))
    assert json.loads(other)["reportId"] != json.loads(ctrf.render(make.whole()))["reportId"]


@given(st.text(max_size=60), st.none() | st.floats())
def test_any_text_and_duration_is_valid(text: str, duration: float | None) -> None:
    make = Make()
    tries = (Try("failed", duration, text, text), Try("errored", None, text, text))
    bad = make.case(text, tries=tries, message=text, error=text, location=text, file=text, duration_ms=duration)
    report = make.report(bad, make.case("\x00", "skipped"), suite=text, ci_url=text, branch=text, started_at=None)
    rendered(report)
