"""The posterior is Allure's, to the last digits of the exact answer."""

import random
from collections.abc import Sequence

import pytest

from tests.support.exact import posterior
from tests.support.results import Ask

POSTERIOR = "SELECT flaky_posterior(%s)"


def tried(executions: Sequence[tuple[int, int]]) -> str:
    return "".join(f"{failed}{passed}" for failed, passed in executions)


@pytest.mark.parametrize(
    ("executions", "expected"),
    [
        ([(1, 1)], 0.0909),
        ([(1, 1)] * 2, 0.1250),
        ([(1, 0)] * 3 + [(0, 1)] * 5, 0.0517),
        ([], 0.0500),
        ([(1, 0)], 0.0522),
    ],
)
def test_the_published_examples_hold_to_four_digits(
    ask: Ask, executions: list[tuple[int, int]], expected: float
) -> None:
    """Pairs of failed and passed tries."""
    assert ask(POSTERIOR, tried(executions)) == pytest.approx(expected, abs=5e-5)


def test_the_posterior_is_exact_for_random_executions(ask: Ask) -> None:
    """Executions with several failed tries, with none, and such as say nothing."""
    chance = random.Random(9)
    pairs = [(0, 1), (0, 1), (0, 0), (1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2), (9, 9)]
    for _ in range(150):
        executions = [chance.choice(pairs) for _ in range(chance.randint(0, 14))]
        assert ask(POSTERIOR, tried(executions)) == pytest.approx(float(posterior(executions[-10:])), rel=1e-12)


def test_the_posterior_sees_ten_executions_at_most(ask: Ask) -> None:
    """An older retry no longer counts."""
    assert ask(POSTERIOR, "111111" + "01" * 10) == ask(POSTERIOR, "01" * 10)


def test_an_execution_without_counted_tries_changes_nothing(ask: Ask) -> None:
    """Its likelihood is one. An outage is recorded so."""
    assert ask(POSTERIOR, "01001101") == pytest.approx(ask(POSTERIOR, "011101"), rel=1e-12)


def test_a_defect_does_not_look_flaky(ask: Ask) -> None:
    """Failures without a pass on the same code are explained by q."""
    assert all(ask(POSTERIOR, "01" * passes + "10" * (10 - passes)) < 0.1 for passes in range(11))
