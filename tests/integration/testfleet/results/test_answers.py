"""Flaky and broken cases, regressions, causes, trends and histories of a recorded shop."""

from collections.abc import Iterator

import pytest

from testfleet.database.connection import Connection, Database
from testfleet.results import causes, failing, history, regressions, runs, states, trends
from testfleet.results.references import CaseReference
from testfleet.results.tables import states as state_table
from tests.support.past_shop import COMMITS, write_shop


@pytest.fixture(scope="module")
def shop(module_database_url: str) -> Database:
    write_shop(module_database_url)
    return Database(module_database_url, read_only=True)


@pytest.fixture
def connection(shop: Database) -> Iterator[Connection]:
    with shop.connect() as opened:
        yield opened


def test_flaky_cases_name_their_detectors(connection: Connection) -> None:
    (found,) = states.flaky(connection)
    assert (found.name, found.state, found.suite, found.branch) == ("cart > adds", "flaky", "shop", "main")
    assert "retry" in found.reasons
    assert found.retried_runs == 3
    assert "passed on retry in 3 of 10 runs" in state_table.why(found)
    assert states.flaky(connection, suite="search") == ()
    assert states.flaky(connection, branch="topic") == ()


def test_broken_cases_name_the_run_in_which_they_began_to_fail(connection: Connection) -> None:
    """The longest broken case comes first. A branch of its own is asked for by name."""
    first, *others = states.broken(connection)
    assert (first.name, first.streak, first.first_fail_run_id, first.first_fail_author) == (
        "cart > pays",
        3,
        "shop-7",
        "Ada",
    )
    assert {one.name for one in others} == {"login > opens", "login > remembers"}
    assert [one.name for one in states.broken(connection, branch="topic")] == ["cart > pays"]
    assert len(states.broken(connection, limit=1)) == 1


def test_regressions_of_the_newest_run_have_a_range_of_suspect_commits(connection: Connection) -> None:
    """A case that never passed is none."""
    found = regressions.newest(connection)
    assert {(one.name, one.kind, one.first_fail_run_id) for one in found.failing} == {
        ("login > opens", "new", "shop-9"),
        ("cart > pays", "broken", "shop-7"),
    }
    pays = next(one for one in found.failing if one.name == "cart > pays")
    assert (pays.last_pass_commit, pays.first_fail_commit, pays.first_fail_author) == (COMMITS[6], COMMITS[7], "Ada")
    assert pays.runs_since == 2
    assert regressions.newest(connection, suite="search").failing == ()


def test_regressions_of_a_run_are_those_that_it_had(connection: Connection) -> None:
    """Later runs do not change them."""
    seventh = regressions.of_run(connection, "shop-7")
    assert [(one.name, one.kind) for one in seventh.failing] == [("cart > pays", "new")]
    ninth = regressions.of_run(connection, "shop-9")
    assert [(one.name, one.kind) for one in ninth.failing] == [("login > opens", "new"), ("cart > pays", "broken")]
    assert dict(ninth.set_apart) == {"new_case": 1}


def test_a_run_ends_with_the_sentence_that_its_history_gives(connection: Connection) -> None:
    detail = runs.detail(connection, "shop-9")
    assert detail is not None
    assert detail.meaning is not None
    assert detail.meaning.sentence == "1 new failure, 1 new case fails, 1 broken since 7777777 by Ada"


def test_failing_cases_come_with_the_new_ones_first(connection: Connection) -> None:
    found = failing.of_run(connection, "shop-9")
    assert [(one.name, one.kind) for one in found] == [
        ("login > opens", "new"),
        ("login > remembers", "new_case"),
        ("cart > pays", "broken"),
    ]
    assert found[2].first_fail_commit == COMMITS[7]
    assert len(failing.of_run(connection, "shop-9", limit=1)) == 1


def test_causes_are_counted_in_a_run_and_over_time(connection: Connection) -> None:
    found = causes.of_run(connection, "shop-9")
    assert (found.failures, found.causes, [one.failures for one in found.rows]) == (3, 1, [3])
    assert found.rows[0].new_failures == 2
    by_example = {one.example: one for one in causes.newest(connection, suite="shop", order="most")}
    known = by_example["got 500"]
    assert (known.occurrences, known.first_run_id, known.last_run_id) == (3, "shop-2", "shop-8")
    assert by_example["boom"].occurrences == 1
    assert [one.occurrences for one in by_example.values()] == [3, 3, 1]
    assert [one.example for one in causes.newest(connection, limit=1)] == ["boom"]
    assert causes.newest(connection, suite="search") == ()


def test_a_history_has_the_executions_of_all_branches_or_of_one(connection: Connection) -> None:
    case = CaseReference("shop", "main", "cart > pays")
    found = history.of_case(connection, case)
    assert [one.run_id for one in found.executions[:2]] == ["topic-0", "shop-9"]
    assert len(found.executions) == 11
    assert found.state is not None
    assert found.state.state == "broken"
    on_main = history.of_case(connection, case, branch="main", limit=3)
    assert [(one.run_id, one.kind) for one in on_main.executions] == [
        ("shop-9", "broken"),
        ("shop-8", "broken"),
        ("shop-7", "new"),
    ]


def test_trends_are_those_of_the_default_branch(connection: Connection) -> None:
    found = trends.of_suite(connection, "shop")
    assert (found.branch, sum(day.runs for day in found.days)) == ("main", 10)
    assert sum(day.failed for day in found.days) == 4
    assert (found.fleet.runs, found.fleet.attempts, found.fleet.cost) == (10, 10, None)
    assert found.fleet.pod_seconds == pytest.approx(600)
    assert found.change is not None
    assert found.change.pass_rate == pytest.approx(0.6)
    assert trends.of_suite(connection, "shop", branch="topic").fleet.runs == 1
