"""An outage says nothing of a case while it lasts, and a defect of half a suite does not stay an outage."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.results import regressions
from tests.support.past import Past

NOON = datetime.now(UTC) - timedelta(hours=6)
NAMES = [f"case {number}" for number in range(14)]
GREEN = dict.fromkeys(NAMES, "passed")
DOWN = GREEN | dict.fromkeys(NAMES[:12], "failed")
MINUTES = timedelta(minutes=1)


@pytest.fixture
def past(database_url: str) -> Iterator[Past]:
    """Both suites are green, and the first run of an outage has ended."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        past = Past(connection)
        past.run("before", GREEN, at=NOON, commit="c1")
        past.run("search-before", GREEN, at=NOON, commit="c1", suite="search")
        past.run("down", DOWN, at=NOON + 60 * MINUTES, commit="c2")
        yield past


def outages(past: Past) -> set[str]:
    return {run_id for (run_id,) in past.connection.execute("SELECT run_id FROM test_runs WHERE outage")}


def streaks(past: Past) -> set[int]:
    statement = "SELECT DISTINCT streak FROM case_summaries WHERE suite = 'checkout' AND branch = 'main'"
    return {streak for (streak,) in past.connection.execute(statement)}


def test_a_repetition_on_the_same_commit_is_the_same_outage(past: Past) -> None:
    past.run("again", DOWN, at=NOON + 75 * MINUTES, commit="c2")
    assert outages(past) == {"down", "again"}
    assert streaks(past) == {0}


def test_another_commit_is_the_same_outage_while_another_suite_shows_one(past: Past) -> None:
    past.run("search-down", DOWN, at=NOON + 90 * MINUTES, commit="c9", suite="search", branch="topic")
    past.run("next", DOWN, at=NOON + 120 * MINUTES, commit="c3")
    assert outages(past) == {"down", "search-down", "next"}
    assert streaks(past) == {0}


def test_failures_on_another_commit_alone_are_a_defect(past: Past) -> None:
    past.run("next", DOWN, at=NOON + 120 * MINUTES, commit="c3")
    assert outages(past) == {"down"}
    assert streaks(past) == {0, 1}
    kinds = past.connection.execute("SELECT kind, last_pass_commit FROM run_failures WHERE run_id = 'next'").fetchall()
    assert set(kinds) == {("new", "c1")}


def test_an_outage_of_another_suite_that_is_long_over_does_not_count(past: Past) -> None:
    past.run("search-down", DOWN, at=NOON + 90 * MINUTES, commit="c9", suite="search")
    past.run("next", DOWN, at=NOON + 211 * MINUTES, commit="c3")
    assert outages(past) == {"down", "search-down"}


def test_the_failures_of_an_outage_are_no_regressions(past: Past) -> None:
    with Database(past.connection.info.dsn).connect() as connection:
        found = regressions.of_run(connection, "down")
        assert (found.failing, dict(found.set_apart)) == ((), {"outage": 12})
        assert regressions.newest(connection, suite="checkout").failing == ()


def test_a_case_that_was_flaky_on_another_pull_request_is_known_as_flaky(past: Past) -> None:
    past.run("pr-1", GREEN | {"case 13": "retried"}, at=NOON + 70 * MINUTES, commit="d1", branch="topic-1")
    past.run("pr-2", GREEN | {"case 13": "failed"}, at=NOON + 80 * MINUTES, commit="d2", branch="topic-2")
    (kind,) = past.connection.execute("SELECT kind FROM run_failures WHERE run_id = 'pr-2'").fetchone() or ("",)
    assert kind == "flaky"
