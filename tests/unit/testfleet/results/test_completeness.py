"""`--min-cases`: a run with too few cases is no success."""

from typing import Any

import pytest

from testfleet.errors import Refused
from testfleet.results.completeness import MinCases, parse, shortfall


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", MinCases(120)),
        ("0", MinCases(0)),
        ("75%", MinCases(75, percent=True)),
        ("100%", MinCases(100, percent=True)),
    ],
)
def test_a_number_or_a_percentage_is_parsed(text: str, expected: MinCases) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "%", "-1", "7.5%", "101%", "75 %", "many", "\u0663", "9" * 10, "1\n", "x" * 1000])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(
        Refused, match=r"^--min-cases: must be a number of cases, such as 120, or a percentage"
    ) as caught:
        parse(text)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("total", "expected", "least", "line"),
    [
        (120, None, "120", None),
        (119, None, "120", "--min-cases: r1 has 119 cases, but must have at least 120"),
        (75, 100, "75%", None),
        (74, 100, "75%", "--min-cases: r1 has 74 cases, 74 % of the usual 100, but must have at least 75 %"),
        (2, 3, "67%", "--min-cases: r1 has 2 cases, 66 % of the usual 3, but must have at least 67 %"),
        (0, None, "75%", None),
        (0, 0, "75%", None),
    ],
)
def test_a_run_below_the_limit_gets_one_line(
    total: int, expected: int | None, least: str, line: str | None, make: Any
) -> None:
    """A run whose suite has no history has no usual number to compare with."""
    run = make.run(status="passed", total=total, expected_cases=expected)
    assert shortfall(run, parse(least)) == line
