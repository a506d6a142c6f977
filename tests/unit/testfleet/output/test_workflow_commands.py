"""No text of a case is executed as a command by the CI service that shows the output."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testfleet.output.json_text import as_json
from testfleet.output.workflow_commands import inert, inert_json
from testfleet.results.runs import RunDetail


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", ": :error::x"),
        ("  \t::add-mask::x", "  \t: :add-mask::x"),
        ("done\r::error::x", "done\r: :error::x"),
        ("a\n\n ::error::x", "a\n\n : :error::x"),
        ("\u200b:\u200b:error::x", "\u200b: \u200b:error::x"),
        ("\x1b::error::x", "\x1b: :error::x"),
        ("\u3000::error::x", "\u3000: :error::x"),
        ("x ##[error]y ##vso[task.complete]", "x # #[error]y # #vso[task.complete]"),
        ("a.py::test[x]", "a.py::test[x]"),
        ("::: ", ": :: "),
        ("# heading ##", "# heading ##"),
    ],
)
def test_a_workflow_command_is_broken_and_stays_readable(text: str, shown: str) -> None:
    """The runner trims a line first. Other text is unchanged."""
    assert inert(text) == shown


@given(st.text(alphabet=":# [v\ts\no\r\u200b\x0b\ufeffx]", max_size=60))
def test_no_line_of_any_text_begins_with_a_command(text: str) -> None:
    """Readers differ in how they split and trim lines."""
    for line in re.split("[\r\n\x0b]", inert(text)):
        assert not line.lstrip(" \t\u200b\ufeff").replace("\u200b", "").replace("\ufeff", "").startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line


def test_json_contains_no_command_and_the_same_values(make: Any) -> None:
    """`--json` goes into the same log; a reader of JSON sees no difference."""
    text = "::error::a\n::error::b\u2028::error::c\x85##[error]d ##vso[x]"
    detail = RunDetail(make.run(status="failed"), (), (make.case(name=text, message=text),), ())
    text_of_json = inert_json(as_json(detail))
    assert json.loads(text_of_json)["cases"][0]["name"] == text
    assert not any(line.strip().startswith("::") for line in text_of_json.splitlines())
    assert "##[" not in text_of_json
    assert "##vso[" not in text_of_json


def test_infinity_and_nan_become_null(make: Any) -> None:
    """A duration that overflowed is null, not Infinity."""
    detail = RunDetail(make.run(p95_ms=float("inf")), (), (make.case(duration_ms=float("nan")),), ())
    read = json.loads(as_json(detail), parse_constant=pytest.fail)
    assert (read["run"]["p95_ms"], read["cases"][0]["duration_ms"]) == (None, None)
