"""Runs and cases found by the argument of a command."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.results import references
from testfleet.results.references import CaseReference
from tests.support.past_runs import put_run

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
IDS = ("20260131-093000-46dab5d8", "20260131-101500-0c35aa10", "20260201-080000-46ffffff", "nightly_7", "nightlyx7")


@pytest.fixture
def recorded(database: Database) -> Database:
    """Runs of two suites, each an hour after the one before."""
    for hour, run_id in enumerate(IDS):
        suite, branch = "search" if hour == 2 else "shop", "fix" if hour == 1 else "main"
        at = START + timedelta(hours=hour)
        put_run(database.url, run_id, {f"{suite} > pays": "p", "opens": "p"}, at=at, suite=suite, branch=branch)
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO test_runs (run_id, suite, branch, status, queued_at) "
            "VALUES ('waits', 'shop', 'main', 'queued', %s)",
            [START + timedelta(days=1)],
        )
    return database


@pytest.fixture
def find(recorded: Database) -> Callable[..., str]:
    def run(text: str, **filters: object) -> str:
        with recorded.connect() as connection:
            return references.find_run(connection, text, **filters)  # type: ignore[arg-type]  # a table

    return run


@pytest.fixture
def find_case(recorded: Database) -> Callable[..., CaseReference]:
    def run(text: str, **filters: object) -> CaseReference:
        with recorded.connect() as connection:
            return references.find_case(connection, text, **filters)  # type: ignore[arg-type]  # a table

    return run


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        (IDS[0], IDS[0]),
        ("20260131-09", IDS[0]),
        ("20260201", IDS[2]),
        ("46dab5d8", IDS[0]),
        ("aa10", IDS[1]),
        ("nightly_", "nightly_7"),
        ("y_7", None),
        ("0260131", None),
    ],
)
def test_a_run_is_found_by_its_id_its_beginning_or_its_end(
    text: str, run_id: str | None, find: Callable[..., str]
) -> None:
    """The end is the part that differs between ids of one minute. Less than four characters are no short id."""
    if run_id:
        assert find(text) == run_id
        return
    with pytest.raises(Refused, match=f"^RUN_ID: the database has no run {text}$"):
        find(text)


@pytest.mark.parametrize(
    ("filters", "run_id"),
    [
        ({}, "waits"),
        ({"finished": True}, "nightlyx7"),
        ({"suite": "search"}, IDS[2]),
        ({"branch": "fix"}, IDS[1]),
        ({"suite": "shop", "branch": "main", "finished": True}, "nightlyx7"),
    ],
)
def test_a_dash_is_the_newest_run_of_the_suite_and_the_branch(
    filters: dict[str, object], run_id: str, find: Callable[..., str]
) -> None:
    """It is the first run that `testfleet runs` lists with the same filters."""
    assert find("-", **filters) == run_id


def test_a_dash_without_any_run_is_refused_with_the_filters(find: Callable[..., str]) -> None:
    with pytest.raises(Refused, match=r"^RUN_A: the database has no finished run of the suite x on the branch y$"):
        find("-", suite="x", branch="y", finished=True, argument="RUN_A")


def test_an_ambiguous_id_lists_the_candidates(find: Callable[..., str]) -> None:
    """The line has what the next command needs."""
    with pytest.raises(Refused) as refused:
        find("20260131")
    line = f"RUN_ID: 20260131 names several runs; give more characters: {IDS[1]}, {IDS[0]}"
    assert (str(refused.value), refused.value.exit_code) == (line, 64)


def test_a_long_list_of_candidates_is_cut(find: Callable[..., str], database: Database) -> None:
    for number in range(references.MAX_CANDIDATES):
        put_run(database.url, f"20260131-{number}", {}, at=START, fold=False)
    with pytest.raises(Refused, match=r"(2026[-0-9a-f]+, ){5}…$"):
        find("2026")


@pytest.mark.parametrize(
    ("text", "filters", "found"),
    [
        ("shop > pays", {}, CaseReference("shop", "main", "shop > pays")),
        ("HOP > P", {}, CaseReference("shop", "main", "shop > pays")),
        ("search", {}, CaseReference("search", "main", "search > pays")),
        ("pays", {"branch": "fix"}, CaseReference("shop", "fix", "shop > pays")),
        ("pays", {"suite": "search"}, CaseReference("search", "main", "search > pays")),
        ("opens", {"suite": "search"}, CaseReference("search", "main", "opens")),
    ],
)
def test_a_case_is_found_by_its_name_or_a_part_of_it(
    text: str, filters: dict[str, str], found: CaseReference, find_case: Callable[..., CaseReference]
) -> None:
    assert find_case(text, **filters) == found


def test_a_case_that_only_a_branch_has_is_found(find_case: Callable[..., CaseReference], database: Database) -> None:
    """A new case of a pull request is on no default branch."""
    put_run(database.url, "r9", {"shop > refunds": "f"}, at=START + timedelta(days=2), branch="topic")
    assert find_case("refunds") == CaseReference("shop", "topic", "shop > refunds")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "pays",
            "CASE: pays names several cases; give the whole name or --suite: search: search > pays, shop: shop > pays",
        ),
        ("opens", "CASE: opens names several cases; give the whole name or --suite: search: opens, shop: opens"),
        ("%", "CASE: no case has % in its name"),
        ("\x1b[31m\x00", "CASE: no case has \N{REPLACEMENT CHARACTER} in its name"),
        (" ", "CASE: must be a name of a case or a part of it"),
    ],
)
def test_a_name_of_no_case_or_of_several_is_one_line(
    text: str, line: str, find_case: Callable[..., CaseReference]
) -> None:
    with pytest.raises(Refused) as refused:
        find_case(text)
    assert str(refused.value) == line
