"""The settings of the analysis, as they are typed."""

from decimal import Decimal

import pytest

from testfleet.errors import Refused
from testfleet.results import render_settings
from testfleet.results.analysis_settings import AnalysisSettings, parse


def test_each_setting_is_parsed() -> None:
    assert parse(
        [
            "vcpu_hour_price=0.04656",
            "gb_hour_price=",
            "currency=EUR",
            "min_cases_percent=80",
            "default_branches=main, a/b,",
        ]
    ) == {
        "vcpu_hour_price": Decimal("0.04656"),
        "gb_hour_price": None,
        "currency": "EUR",
        "min_cases_percent": 80,
        "default_branches": ["main", "a/b", ""],
    }


@pytest.mark.parametrize(
    ("pair", "line"),
    [
        ("price=1", "'price': is no setting; the settings are default_branches, vcpu_hour_price, gb_hour_price, "),
        ("vcpu_hour_price", "vcpu_hour_price: must be given as vcpu_hour_price=VALUE"),
        (
            "vcpu_hour_price=-1",
            "vcpu_hour_price: must be a number from 0 to 1000000, or empty for unknown, but is '-1'",
        ),
        ("gb_hour_price=NaN", "gb_hour_price: must be a number from 0 to 1000000"),
        ("gb_hour_price=1e9", "gb_hour_price: must be a number from 0 to 1000000"),
        ("gb_hour_price=0,04", "gb_hour_price: must be a number from 0 to 1000000"),
        ("gb_hour_price=\u0664", "gb_hour_price: must be a number from 0 to 1000000"),
        ("min_cases_percent=101", "min_cases_percent: must be a whole number from 0 to 100, but is '101'"),
        ("min_cases_percent=7.5", "min_cases_percent: must be a whole number"),
        ("currency=euro", "currency: must be a code of three capital letters, such as EUR, but is 'euro'"),
        ("default_branches=a,a", "default_branches: must be 1 to 50 different branches"),
        ("default_branches=a\x1b[31m", "default_branches: must be 1 to 50 different branches"),
        (f"default_branches={'x' * 2000}", "default_branches: must be 1 to 50 different branches"),
        ("\n" * 3 + "x" * 500, f"{'x' * 60!r}: is no setting"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(pair: str, line: str) -> None:
    with pytest.raises(Refused) as caught:
        parse([pair])
    assert str(caught.value).startswith(line)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_setting_that_is_given_twice_is_refused() -> None:
    """The second one would silently win."""
    with pytest.raises(Refused, match=r"^currency: is given twice$"):
        parse(["currency=EUR", "currency=USD"])


def test_the_table_shows_the_values_as_they_are_typed() -> None:
    found = AnalysisSettings(("main", ""), 0.04656, None, "EUR", 75)
    assert [row[:2] for row in render_settings.table(found).rows] == [
        ("default_branches", "main,"),
        ("vcpu_hour_price", "0.04656"),
        ("gb_hour_price", ""),
        ("currency", "EUR"),
        ("min_cases_percent", "75"),
    ]
