"""Cases that became slower, among many that did not."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.past import Past, PastCase

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
STABLE = [f"stable {number}" for number in range(60)]


@pytest.fixture(scope="module")
def suite(module_database_url: str) -> Iterator[psycopg.Connection]:
    """Thirty runs of sixty noisy cases. Of four more, one is half slower, one little, one fails slowly, one is new."""
    chance = random.Random(3)
    with psycopg.connect(module_database_url) as connection:
        past = Past(connection)
        for number in range(30):
            late = number >= 18
            cases = {name: PastCase("passed", duration_ms=chance.lognormvariate(6, 0.5)) for name in STABLE}
            cases["slower"] = PastCase("passed", duration_ms=chance.uniform(95, 105) * (1.5 if late else 1))
            cases["a little slower"] = PastCase("passed", duration_ms=chance.uniform(99, 101) * (1.05 if late else 1))
            cases["ends by a time limit"] = (
                PastCase("failed", duration_ms=30_000) if late and number % 2 else PastCase("passed", duration_ms=100)
            )
            if number >= 12:
                cases["new"] = PastCase("passed", duration_ms=100 * number)
            past.run(f"r-{number}", cases, at=NOW + timedelta(hours=number))
        yield connection


def test_only_the_slower_case_of_many_is_found(suite: psycopg.Connection) -> None:
    """Chance, a small change, a time limit and too few executions give no answer."""
    rows = suite.execute("SELECT suite, branch, name, cases FROM slow_cases").fetchall()
    assert rows == [("checkout", "main", "slower", 63)]


def test_the_answer_shows_both_medians(suite: psycopg.Connection) -> None:
    """The last ten executions beside the older half."""
    row = suite.execute("SELECT median_ms, median_ms_before, ratio, compared, p_value FROM slow_cases").fetchone()
    assert row is not None
    after, before, ratio, compared, p_value = row
    assert before == pytest.approx(100, rel=0.05)
    assert ratio == pytest.approx(after / before) == pytest.approx(1.5, rel=0.05)
    assert compared == 25
    assert p_value < 0.05 / 63
