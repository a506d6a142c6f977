"""What runs cost: the time of every attempt, and its price."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from testfleet.database.connection import Database

RUN = """
    INSERT INTO test_runs (run_id, suite, branch, status, shards, total, expected_cases, queued_at, started_at,
                           finished_at)
    VALUES (%(run_id)s, %(suite)s, 'main', %(status)s, 2, %(total)s, %(expected)s, '2026-01-01 09:00+00',
            '2026-01-01 09:00:30+00', CASE WHEN %(status)s <> 'running' THEN '2026-01-01 10:00+00'::timestamptz END)
"""
SHARD = """
    INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, outcome, worker, message_id, cpu_millis,
                             memory_mib, earlier_seconds, started_at, finished_at, lease_until)
    VALUES (%(run_id)s, %(shard)s, 'c', %(attempt)s, %(status)s, %(outcome)s, 'pod', 'm', %(cpu)s, %(memory)s,
            %(earlier)s, '2026-01-01 09:00+00',
            '2026-01-01 09:00+00'::timestamptz + make_interval(secs => %(seconds)s), %(lease)s)
"""
PRICES = "UPDATE analysis_settings SET vcpu_hour_price = 0.04, gb_hour_price = 0.005, currency = 'EUR'"

Add = Callable[..., None]


@pytest.fixture
def add(database: Database) -> Add:
    """Return a function that inserts a run and its shards. Each shard differs from an ordinary one by its fields."""

    def add(run_id: str, *shards: dict[str, Any], suite: str = "shop", status: str = "passed", **fields: Any) -> None:
        ordinary = {"attempt": 1, "status": "passed", "outcome": "finished", "cpu": 1000, "memory": 2048}
        more = {"earlier": 0, "seconds": 3600, "lease": None}
        with psycopg.connect(database.url) as connection:
            run = {"run_id": run_id, "suite": suite, "status": status, "total": 1, "expected": None} | fields
            connection.execute(RUN.encode(), run)
            for number, shard in enumerate(shards, 1):
                connection.execute(SHARD.encode(), ordinary | more | {"run_id": run_id, "shard": number} | shard)

    return add


def rows(database: Database, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def one(database: Database, query: str) -> dict[str, Any]:
    (row,) = rows(database, query)
    return row


COST = "SELECT attempts, pod_seconds, vcpu_hours, gb_hours, cost, currency FROM run_costs"


def test_a_run_costs_the_time_of_all_its_attempts(database: Database, add: Add) -> None:
    """The second shard took half an hour, after an attempt of half an hour that was interrupted."""
    add("r", {}, {"attempt": 2, "earlier": 1800, "seconds": 1800, "cpu": 500, "memory": 1024})
    with psycopg.connect(database.url) as connection:
        connection.execute(PRICES.encode())
    assert one(database, COST) == {
        "attempts": 3,
        "pod_seconds": 7200,
        "vcpu_hours": pytest.approx(1 + 0.5),
        "gb_hours": pytest.approx(2 + 1),
        "cost": pytest.approx(1.5 * 0.04 + 3 * 0.005),
        "currency": "EUR",
    }


def test_a_cost_without_a_price_is_unknown(database: Database, add: Add) -> None:
    """The time is known all the same."""
    add("r", {})
    assert one(database, COST)["cost"] is None
    assert one(database, COST)["vcpu_hours"] == pytest.approx(1)


def test_a_cost_without_the_requests_of_a_shard_is_unknown(database: Database, add: Add) -> None:
    """A sum without that shard would be too low, and would look like a saving."""
    add("r", {}, {"cpu": None, "memory": None})
    with psycopg.connect(database.url) as connection:
        connection.execute(PRICES.encode())
    cost = one(database, COST)
    assert (cost["pod_seconds"], cost["vcpu_hours"], cost["gb_hours"], cost["cost"]) == (7200, None, None, None)


def test_an_abandoned_shard_costs_the_time_of_its_pods(database: Database, add: Add) -> None:
    """Its row ends at the sweep, long after its pod."""
    add("r", {"status": "errored", "outcome": "abandoned", "earlier": 120})
    assert one(database, COST)["pod_seconds"] == 120


def test_a_running_shard_counts_until_the_end_of_its_lease(database: Database, add: Add) -> None:
    running = {"status": "running", "outcome": None, "seconds": None, "lease": "2026-01-01 09:02+00"}
    add("r", running, status="running")
    assert one(database, COST)["pod_seconds"] == 120


def test_a_run_that_no_pod_claimed_has_no_cost(database: Database, add: Add) -> None:
    add("r", status="errored")
    assert rows(database, COST) == []


def test_the_cost_of_a_suite_is_that_of_its_runs_by_day(database: Database, add: Add) -> None:
    """Runs whose cost is unknown are counted, so that a sum over some of them is not read as the whole."""
    add("a", {})
    add("b", {"cpu": None})
    add("c", {}, suite="other")
    with psycopg.connect(database.url) as connection:
        connection.execute(PRICES.encode())
        connection.execute("UPDATE test_runs SET day = '2026-01-01'")
    assert one(database, "SELECT runs, priced_runs, pod_seconds, cost FROM suite_costs WHERE suite = 'shop'") == {
        "runs": 2,
        "priced_runs": 1,
        "pod_seconds": 7200,
        "cost": pytest.approx(0.04 + 2 * 0.005),
    }


def test_the_fleets_view_has_minutes_and_cost(database: Database, add: Add) -> None:
    add("r", {}, {"seconds": 1800})
    with psycopg.connect(database.url) as connection:
        connection.execute(PRICES.encode())
    found = one(database, "SELECT queue_seconds, imbalance, fleet_minutes, cost, currency FROM run_fleet")
    assert found["queue_seconds"] == 30
    assert float(found["imbalance"]) == pytest.approx(4 / 3)
    assert (found["fleet_minutes"], found["currency"]) == (90, "EUR")
    assert found["cost"] == pytest.approx(1.5 * 0.04 + 3 * 0.005)


@pytest.mark.parametrize(
    ("total", "expected", "status", "incomplete"),
    [
        (75, 100, "passed", False),
        (74, 100, "passed", True),
        (74, 100, "failed", True),
        (74, 100, "running", False),
        (74, 100, "cancelled", False),
        (0, None, "errored", False),
        (2_000_000, 100_000_000, "passed", True),
    ],
)
def test_a_run_with_too_small_a_share_of_its_usual_cases_is_incomplete(
    total: int, expected: int | None, status: str, *, incomplete: bool, database: Database, add: Add
) -> None:
    """An unfinished or cancelled run is not compared, and neither is the first run of a suite."""
    add("r", total=total, expected=expected, status=status)
    assert one(database, "SELECT incomplete FROM run_completeness") == {"incomplete": incomplete}


def test_the_allowed_share_is_a_setting(database: Database, add: Add) -> None:
    add("r", total=74, expected=100)
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE analysis_settings SET min_cases_percent = 70")
    assert one(database, "SELECT incomplete FROM run_completeness") == {"incomplete": False}
