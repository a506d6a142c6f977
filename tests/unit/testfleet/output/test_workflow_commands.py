"""No text of a test is a command of the CI service that shows our output."""

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
def test_a_command_is_taken_apart_and_stays_readable(text: str, shown: str) -> None:
    """The runner trims a line before it looks; what is no command stays as it is."""
    assert inert(text) == shown


@given(st.text(alphabet=":# [v\ts\no\r\u200b\x0b\ufeffx]", max_size=60))
def test_no_line_of_any_text_begins_with_a_command(text: str) -> None:
    """However a reader breaks lines and trims them."""
    for line in re.split("[\r\n\x0b]", inert(text)):
        assert not line.lstrip(" \t\u200b\ufeff").replace("\u200b", "").replace("\ufeff", "").startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line


def test_json_holds_no_command_and_the_same_values(make: Any) -> None:
    """`--json` goes into the same log; a reader of JSON sees no difference."""
    text = "::error::a\n::error::b\u2028::error::c\x85##[error]d ##vso[x]"
    detail = RunDetail(make.run(status="failed"), (), (make.case(name=text, message=text),), ())
    told = inert_json(as_json(detail))
    assert json.loads(told)["cases"][0]["name"] == text
    assert not any(line.strip().startswith("::") for line in told.splitlines())
    assert "##[" not in told
    assert "##vso[" not in told


def test_json_has_no_number_that_json_has_not(make: Any) -> None:
    """A duration that overflowed is null, not Infinity."""
    detail = RunDetail(make.run(p95_ms=float("inf")), (), (make.case(duration_ms=float("nan")),), ())
    read = json.loads(as_json(detail), parse_constant=pytest.fail)
    assert (read["run"]["p95_ms"], read["cases"][0]["duration_ms"]) == (None, None)
