"""What a flaky case cost: its share of each run that it blocked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support.past import Past

SHARD = """
    INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, outcome, worker, message_id, cpu_millis,
                             memory_mib, started_at, finished_at)
    SELECT run_id, 1, 'c', 1, status, 'finished', 'pod', 'm', 1000, 1024, started_at, finished_at FROM test_runs
"""


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def test_a_flaky_case_costs_its_share_of_the_runs_that_it_blocked(database_url: str) -> None:
    """`pays` is known as flaky since its retry. It fails one run alone, and one with another case."""
    now = datetime.now(UTC)
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        past.run("r-1", {"pays": "retried", "searches": "passed"}, at=now - timedelta(days=3), minutes=60)
        past.run("r-2", {"pays": "failed", "searches": "passed"}, at=now - timedelta(days=2), minutes=60)
        past.run("r-3", {"pays": "failed", "searches": "failed"}, at=now - timedelta(days=1), minutes=60)
        connection.execute(SHARD)
        connection.execute("UPDATE analysis_settings SET vcpu_hour_price = 0.04, gb_hour_price = 0.01")
        (found,) = rows(connection, "SELECT name, runs_blocked, priced_runs, pod_seconds, cost FROM flaky_costs")
    assert found == ("pays", 2, 2, pytest.approx(3600 * 1.5), pytest.approx(0.05 * 1.5))


def test_the_cost_and_the_minutes_of_flaky_cases_are_of_the_same_runs(database_url: str) -> None:
    """A reader compares the two views."""
    now = datetime.now(UTC)
    with psycopg.connect(database_url) as connection:
        past = Past(connection)
        past.run("r-1", {"pays": "retried"}, at=now - timedelta(days=40), minutes=10)
        past.run("r-2", {"pays": "retried"}, at=now - timedelta(days=3), minutes=10)
        past.run("r-3", {"pays": "failed"}, at=now - timedelta(days=2), minutes=10)
        connection.execute(SHARD)
        costs = rows(connection, "SELECT name, runs_blocked, pod_seconds / 60 FROM flaky_costs")
        states = rows(connection, "SELECT name, runs_blocked, minutes_lost FROM case_states WHERE runs_blocked > 0")
    assert costs == states == [("pays", 1, pytest.approx(10))]
