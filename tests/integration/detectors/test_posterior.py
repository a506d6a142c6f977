"""The posterior is Allure's, to the last digits of the exact answer."""

import random

import pytest

from tests.support.exact import posterior
from tests.support.results import Ask

POSTERIOR = "SELECT flaky_posterior(%s, %s)"


def as_runs(outcomes: str, failed_tries: str) -> list[tuple[int, int]]:
    tries = [int(digit) for digit in failed_tries]
    return [
        (0 if outcome == "p" else fails, int(outcome in "pr"))
        for outcome, fails in zip(outcomes, tries, strict=True)
        if outcome != "o"
    ][-10:]


@pytest.mark.parametrize(
    ("outcomes", "expected"), [("r", 0.0909), ("rr", 0.1250), ("fffppppp", 0.0517), ("", 0.0500), ("f", 0.0522)]
)
def test_the_published_examples_hold_to_four_digits(ask: Ask, outcomes: str, expected: float) -> None:
    """One fail and one pass in a run; two such runs; three failures, then five passes; the prior; one failure."""
    assert ask(POSTERIOR, outcomes, None) == pytest.approx(expected, abs=5e-5)


def test_the_posterior_is_exact_for_random_outcomes(ask: Ask) -> None:
    """Runs with several failed tries, with none, and with outages in between."""
    chance = random.Random(9)
    for _ in range(150):
        length = chance.randint(0, 14)
        outcomes = "".join(chance.choice("pprfeo") for _ in range(length))
        failed_tries = "".join("0" if outcome == "p" else str(chance.randint(1, 4)) for outcome in outcomes)
        exact = posterior(as_runs(outcomes, failed_tries))
        assert ask(POSTERIOR, outcomes, failed_tries) == pytest.approx(float(exact), rel=1e-12), (
            outcomes,
            failed_tries,
        )


def test_without_counted_tries_a_bad_run_has_one_failed_try(ask: Ask) -> None:
    """A suite without retries has no other evidence."""
    outcomes = "ppfrepf"
    exact = posterior(as_runs(outcomes, "".join("0" if outcome == "p" else "1" for outcome in outcomes)))
    assert ask(POSTERIOR, outcomes, None) == pytest.approx(float(exact), rel=1e-12)


def test_the_posterior_sees_ten_executions_at_most(ask: Ask) -> None:
    """An older retry no longer counts."""
    assert ask(POSTERIOR, "rrr" + "p" * 10, None) == ask(POSTERIOR, "p" * 10, None)


def test_a_defect_does_not_look_flaky(ask: Ask) -> None:
    """Failures without a pass on the same code are explained by q."""
    assert all(ask(POSTERIOR, "p" * passes + "f" * (10 - passes), None) < 0.1 for passes in range(11))
