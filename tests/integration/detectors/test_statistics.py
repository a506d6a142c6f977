"""The tests for significance agree with exact fractions and with published examples."""

import random
from statistics import NormalDist

import pytest

from tests.support import exact
from tests.support.results import Ask

FISHER = "SELECT fisher_less(%s, %s, %s, %s)"
SLOWDOWN = "SELECT slowdown_p(%s::real[], %s::real[])"


def test_fisher_gives_the_lady_tasting_tea(ask: Ask) -> None:
    """Fisher's own table: 3 of 4 cups right; the other tail is 17/70."""
    assert ask(FISHER, 1, 3, 3, 1) == pytest.approx(17 / 70, abs=1e-12)


def test_fisher_is_exact_for_random_tables(ask: Ask) -> None:
    """Small, large and one-sided tables, with empty rows and columns."""
    chance = random.Random(11)
    for _ in range(300):
        table = [
            chance.choice((0, chance.randint(0, 5), chance.randint(0, 60), chance.randint(0, 900))) for _ in "abcd"
        ]
        expected = float(exact.fisher_less(*table))
        assert ask(FISHER, *table) == pytest.approx(expected, rel=1e-9, abs=1e-250), table


def test_fisher_has_no_limit_of_size(ask: Ask) -> None:
    """A table of millions neither overflows nor underflows."""
    assert ask(FISHER, 0, 1_000_000, 1_000_000, 0) == pytest.approx(0, abs=1e-250)
    assert ask(FISHER, 2_000_000, 0, 1_000_000, 1_000) == 1
    assert ask(FISHER, 999_000, 1_000, 999_000, 1_000) == pytest.approx(0.5, abs=0.01)


def test_the_normal_tail_is_that_of_the_standard_library(ask: Ask) -> None:
    """On both sides of the change from the series to the continued fraction."""
    for z in (-38, -9, -3.01, -2.99, -1, -1e-300, 0, 1e-300, 1e-12, 0.5, 1.96, 2.99, 3, 3.01, 5, 7.5):
        assert ask("SELECT normal_tail(%s)", z) == pytest.approx(NormalDist().cdf(-z), rel=1e-9), z
    assert ask("SELECT normal_tail(10)") == pytest.approx(7.619853024160527e-24, rel=1e-9)
    assert ask("SELECT normal_tail(50)") == 0


def by_definition(earlier: list[float], later: list[float]) -> float:
    """Return the one-sided p of Mann and Whitney by counting pairs."""
    m, n, both = len(later), len(earlier), earlier + later
    pairs = sum((x > y) + (x == y) / 2 for x in later for y in earlier)
    ties = sum(both.count(value) ** 3 - both.count(value) for value in set(both))
    spread = (m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))) ** 0.5
    return NormalDist().cdf(-(pairs - m * n / 2 - 0.5) / spread) if spread else 1


def test_a_slowdown_is_judged_by_all_pairs(ask: Ask) -> None:
    """The ranks give the same as counting pairs, with and without ties."""
    chance = random.Random(13)
    for _ in range(60):
        grain = chance.choice((1, 50, 1000))
        earlier = [float(round(chance.lognormvariate(6, 0.3) / grain) * grain) for _ in range(chance.randint(8, 40))]
        later = [float(round(chance.lognormvariate(6.2, 0.3) / grain) * grain) for _ in range(chance.randint(8, 20))]
        assert ask(SLOWDOWN, earlier, later) == pytest.approx(by_definition(earlier, later), rel=1e-9)


def test_equal_durations_are_no_slowdown(ask: Ask) -> None:
    """All values tied: the variance of the ranks is zero."""
    assert ask(SLOWDOWN, [5.0] * 20, [5.0] * 10) == 1


def test_too_few_durations_give_no_answer(ask: Ask) -> None:
    """The normal approximation needs eight values on either side."""
    assert ask(SLOWDOWN, [5.0] * 7, [9.0] * 10) is None
    assert ask(SLOWDOWN, [5.0] * 20, []) is None


def test_quantiles_interpolate_between_durations(ask: Ask) -> None:
    """As percentile_cont does; without durations there is none."""
    assert ask("SELECT duration_quantile('{40, 10, 20, 30}', 0.5)") == 25
    assert ask("SELECT duration_quantile('{10, 20, 30, 40, 50}', 0.95)") == pytest.approx(48)
    assert ask("SELECT duration_quantile('{}', 0.5)") is None
