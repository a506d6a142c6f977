"""What is masked of a case: every text but those that identify it."""

from dataclasses import fields
from typing import Any

import pytest

from handoff.masking import Masking
from reporter.cases import Case, Status, Try
from reporter.masking import IDENTITY, masked

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
