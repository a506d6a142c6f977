"""The masked texts of a case: all except those that identify it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from reporter.junit.case import Case, Status, Try
from reporter.junit.masking import IDENTITY, masked
from reporter.reports.folder import Reports
from runtime.masking import Masking

SECRET = "hunter2-secret"


def test_every_text_of_a_case_is_masked_except_those_that_identify_it() -> None:
    """A new text field is masked unless it is named here."""
    texts: dict[str, Any] = {
        field.name: f"got {SECRET}" for field in fields(Case) if field.type in {str, "str | None", str | None}
    }
    tries = (Try(Status.FAILED, error=SECRET), Try(Status.PASSED))
    (case,) = masked([Case(**texts | {"status": Status.FAILED}, tries=tries)], Masking([SECRET]))
    assert {name: getattr(case, name) for name in texts} == {
        name: f"got {SECRET}" if name in IDENTITY else "got ***" for name in texts
    }
    assert {"error", "error_type"} <= texts.keys() - IDENTITY
    assert [one.error for one in case.tries] == ["***", None]
    assert case.status is Status.FAILED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("got hunter2-se\n[… 77 bytes left out]", "got ***\n[… 77 bytes left out]"),
        ("got hunter2-s…", "got ***…"),
        ("got hunter2-s", "got ***"),
        (f"{SECRET}\n[… 7 bytes left out]", "***\n[… 7 bytes left out]"),
    ],
)
def test_a_value_that_a_cut_divided_is_masked(text: str, expected: str) -> None:
    """The marker with the number of missing bytes stays."""
    (case,) = masked([Case("a", Status.FAILED, error=text)], Masking([SECRET]))
    assert case.error == expected


@pytest.mark.parametrize(
    "report",
    [
        f'<testsuite name="login"><error message="no login with {SECRET}"/></testsuite>',
        f'<testsuite name="login"><error message="{"x" * 430} {SECRET}"/></testsuite>',
        f'<testsuite name="{SECRET}" failures="1"/>',
        f"<{SECRET}/>",
    ],
)
def test_the_reason_of_a_doubt_contains_no_value_of_the_secret(tmp_path: Path, report: str) -> None:
    """Reasons are stored in the detail of shard and run."""
    (tmp_path / "junit").mkdir()
    (tmp_path / "junit" / "a.xml").write_text(report)
    reports = Reports(tmp_path, Masking([SECRET]))
    assert not list(reports.final())
    reasons = [reason for _, reason in (*reports.summary.doubts, *reports.summary.broken)]
    assert len(reasons) == 1
    assert "hunter" not in reasons[0]
    assert "***" in reasons[0]


def test_a_location_holds_no_value_of_the_secret() -> None:
    """A stack may contain the URL of a script with its password."""
    (case,) = masked([Case("a", Status.FAILED, location=f"https://u:{SECRET}@host/app.js:12")], Masking([SECRET]))
    assert case.location == "https://u:***@host/app.js:12"
