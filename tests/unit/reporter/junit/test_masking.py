"""What is masked of a case: every text but those that identify it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from reporter.junit.case import Case, Status, Try
from reporter.junit.masking import IDENTITY, masked
from reporter.reports.folder import Reports
from runtime.masking import Masking

SECRET = "hunter2-secret"


def test_every_text_of_a_case_and_its_tries_is_masked_but_those_that_identify_it() -> None:
    """Also one that is added later: a new text is masked unless it is named here."""
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
def test_a_text_that_was_cut_within_a_value_keeps_nothing_of_it(text: str, expected: str) -> None:
    """The mark stays, which says how much is missing."""
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
def test_what_a_report_leaves_in_doubt_holds_no_value_of_the_secret(tmp_path: Path, report: str) -> None:
    """Reasons stand in the details of the shard and the run."""
    (tmp_path / "junit").mkdir()
    (tmp_path / "junit" / "a.xml").write_text(report)
    reports = Reports(tmp_path, Masking([SECRET]))
    assert not list(reports.final())
    reasons = [reason for _, reason in (*reports.summary.doubts, *reports.summary.broken)]
    assert len(reasons) == 1
    assert "hunter" not in reasons[0]
    assert "***" in reasons[0]


def test_a_location_holds_no_value_of_the_secret() -> None:
    """A stack may name the URL of a script with its password."""
    (case,) = masked([Case("a", Status.FAILED, location=f"https://u:{SECRET}@host/app.js:12")], Masking([SECRET]))
    assert case.location == "https://u:***@host/app.js:12"
