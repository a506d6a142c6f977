"""Exact answers of the statistics, in fractions: what the functions of the database are compared with."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import comb, factorial


def beta(a: int, b: int) -> Fraction:
    """Return the Beta function of two positive integers."""
    return Fraction(factorial(a - 1) * factorial(b - 1), factorial(a + b - 1))


def posterior(runs: Sequence[tuple[int, int]]) -> Fraction:
    """Return Allure's E[p] for runs of (failed tries, passed tries), by the sum over which broken run is due to p.

    A run without a pass has q + (1-q) p^F: either factor is chosen in each of the 2^m summands.
    """
    broken = [fails for fails, passes in runs if passes == 0]
    passed = [(fails, passes) for fails, passes in runs if passes]
    fails, passes = sum(f for f, _ in passed), sum(p for _, p in passed)
    numerator = evidence = Fraction(0)
    for choice in product((False, True), repeat=len(broken)):
        by_chance = sum(choice)
        power = fails + sum(f for f, chosen in zip(broken, choice, strict=True) if chosen)
        in_q = beta(len(broken) - by_chance + 1, by_chance + len(passed) + 1)
        evidence += in_q * beta(1 + power, 19 + passes)
        numerator += in_q * beta(2 + power, 19 + passes)
    return numerator / evidence


def fisher_less(passed: int, failed: int, passed_before: int, failed_before: int) -> Fraction:
    """Return the hypergeometric probability of at most `passed` passes in the first row."""
    good, bad, row = passed + passed_before, failed + failed_before, passed + failed
    ways = sum(comb(good, x) * comb(bad, row - x) for x in range(passed + 1) if x <= row)
    return Fraction(ways, comb(good + bad, row))
