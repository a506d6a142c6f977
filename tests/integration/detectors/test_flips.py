"""Flips, outages and the end of flakiness."""

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.results import Ask

FLIPS = "SELECT case_flips(%s)"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def by_definition(outcomes: str) -> int:
    """Count the changes, after every three or more bad ones in a row and all outages are cut out."""
    signs = "".join("+" if each in "pr" else "-" for each in outcomes if each != "o")
    return sum(a != b for a, b in pairwise(re.sub("-{3,}", "", signs)[-20:]))


@pytest.mark.parametrize(
    ("outcomes", "flips"),
    [
        ("", 0),
        ("ppppp", 0),
        ("ppfpp", 2),
        ("ppffpp", 2),
        ("ppfffpp", 0),  # a defect that was repaired
        ("ppfep", 2),
        ("ppfeep", 0),
        ("pfppfpp", 4),
        ("ppffffpfp", 2),
        ("pprpp", 0),  # another detector sees the retry
        ("pppof", 1),
        ("ppoopp", 0),
        ("fff", 0),
    ],
)
def test_three_failures_in_a_row_are_no_flips(ask: Ask, outcomes: str, flips: int) -> None:
    """An outage is neither a pass nor a failure."""
    assert ask(FLIPS, outcomes) == flips == by_definition(outcomes)


def test_flips_are_those_of_the_definition(ask: Ask) -> None:
    """Random outcomes of up to fifty executions."""
    chance = random.Random(17)
    for _ in range(200):
        outcomes = "".join(chance.choice("pppprfeo") for _ in range(chance.randint(0, 50)))
        assert ask(FLIPS, outcomes) == by_definition(outcomes), outcomes


def test_only_the_last_twenty_executions_flip(ask: Ask) -> None:
    """An older flip no longer counts."""
    assert ask(FLIPS, "pfpfpf" + "p" * 20) == 0


@pytest.mark.parametrize(
    ("days", "executions", "flaky"),
    [(0, 0, True), (6.9, 99, True), (7, 0, False), (1, 100, False), (7.1, 100, False)],
)
def test_a_case_recovers_after_seven_days_or_a_hundred_executions(
    ask: Ask, days: float, executions: int, flaky: bool
) -> None:
    """Whichever comes first."""
    last = NOON - timedelta(days=days)
    assert ask("SELECT is_flaky(%s, %s, %s)", last, executions, NOON) is flaky


def test_a_case_that_no_detector_found_is_not_flaky(ask: Ask) -> None:
    """It has no time of its last finding."""
    assert ask("SELECT is_flaky(NULL, 3, %s)", NOON) is False


@pytest.mark.parametrize(
    ("passing", "failed", "outage"),
    [(100, 50, True), (100, 49, False), (10, 10, True), (9, 9, False), (0, 0, False), (12, 9, False)],
)
def test_an_outage_fails_half_of_at_least_ten_cases(ask: Ask, passing: int, failed: int, outage: bool) -> None:
    """A few cases of a small suite fail together for the code's own reasons."""
    assert ask("SELECT is_outage(%s, %s)", passing, failed) is outage
