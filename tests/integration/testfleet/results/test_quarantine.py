"""`testfleet quarantine`: what may be quarantined, for how long, and how it is listed."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.results import quarantine
from testfleet.results.quarantine import Added, Wanted
from testfleet.results.tables.quarantine import table

RUN = """
    INSERT INTO test_runs (run_id, suite, branch, commit, status, total, passed, failed, flaky, started_at, finished_at)
    VALUES (%(run)s, 'shop', 'main', %(run)s, 'failed', 2, 1, 1, 1, now(), now());
    INSERT INTO test_cases (day, run_id, name, shard, attempt, status, flaky, tries)
    SELECT r.day, r.run_id, c.name, 1, 1, c.status, c.flaky, 1 + c.flaky::integer
    FROM test_runs AS r,
        (VALUES ('flaky pay', 'passed', true), ('broken pay', 'failed', false)) AS c (name, status, flaky)
    WHERE r.run_id = %(run)s;
    SELECT fold_run(%(run)s)
"""
FLAKY = Wanted("shop", None, "flaky pay", "team-pay", "14d", "SHOP-1: the bank answers late")


@pytest.fixture
def known(database: Database) -> Database:
    """A suite whose finished runs have a flaky case and a broken one."""
    with psycopg.connect(database.url) as connection:
        for number in range(3):
            for statement in RUN.replace("%(run)s", f"'r-{number}'").split(";"):
                connection.execute(statement.encode())
    return database


def added(database: Database, wanted: Wanted) -> Added:
    with database.connect() as connection:
        return quarantine.add(connection, wanted)


def listed(database: Database, *, expired: bool = False) -> list[tuple[str, str | None, str | None]]:
    with database.connect() as connection:
        found = quarantine.find(connection, expired=expired)
    return [(one.name, one.branch, one.state) for one in found]


def test_a_flaky_case_is_quarantined_until_its_time(known: Database) -> None:
    """The time counts from the database's clock, and the list shows the case's state."""
    done = added(known, FLAKY)
    assert not done.replaced
    assert timedelta(days=13, hours=23) < done.until - datetime.now(UTC) < timedelta(days=14, hours=1)
    assert listed(known) == [("flaky pay", None, "flaky")]


def test_a_second_add_replaces_the_first(known: Database) -> None:
    """One entry for each suite, branch and case; that of a branch stands beside that of all."""
    added(known, FLAKY)
    assert added(known, replace(FLAKY, owner="other")).replaced
    assert not added(known, replace(FLAKY, branch="main")).replaced
    assert listed(known) == [("flaky pay", None, "flaky"), ("flaky pay", "main", "flaky")]


def test_a_broken_case_needs_force(known: Database) -> None:
    """It fails every time, so that a quarantine hides a defect and no flakiness."""
    broken = replace(FLAKY, name="broken pay")
    with pytest.raises(Refused, match=r"NAME: broken pay is broken and not flaky: .*, or add --force"):
        added(known, broken)
    assert listed(known) == []
    added(known, replace(broken, force=True))
    assert listed(known) == [("broken pay", None, "broken")]


def test_an_unknown_name_needs_force(known: Database) -> None:
    """A wrong name would cover nothing. The error names similar ones."""
    with pytest.raises(Refused, match=r"NAME: .* the case PAY; similar names: broken pay; flaky pay; or"):
        added(known, replace(FLAKY, name="PAY"))
    with pytest.raises(Refused, match="must be a whole name as testfleet show prints it; or add --force"):
        added(known, replace(FLAKY, suite="search"))
    added(known, replace(FLAKY, name="of tomorrow", force=True))
    assert listed(known) == [("of tomorrow", None, None)]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"until": "soon"},
            '--until: must be a duration of at most 366d such as "14d", or a date such as "2030-01-31"',
        ),
        ({"until": "2020-01-01"}, "--until: 2020-01-02T00:00:00Z is past by the database's clock; must be later"),
        ({"until": "0"}, "is past by the database's clock"),
        ({"until": "400d"}, "--until: must be a duration of at most 366d"),
        ({"until": "2199-01-01"}, "--until: must be at most 366 days ahead"),
        ({"until": "2030-01-01T12:00:00"}, "or a time with its zone"),
        ({"owner": ""}, "--owner: must be 1 to 1024 bytes"),
        ({"reason": "a\nb"}, "--reason: must be 1 to 1024 bytes of UTF-8 text without control characters"),
        ({"suite": ""}, "--suite: must be"),
        ({"branch": ""}, "--branch: must be"),
        ({"name": ""}, "NAME: must be 1 to 2000 bytes"),
    ],
)
def test_bad_input_is_refused_with_one_line(known: Database, change: dict[str, str], line: str) -> None:
    """The line begins with the option or argument."""
    with pytest.raises(Refused, match=re.escape(line)) as error:
        added(known, replace(FLAKY, **change))  # type: ignore[arg-type]  # each value is a string
    assert "\n" not in str(error.value)


def test_an_expired_quarantine_is_listed_on_request(known: Database) -> None:
    """It covers nothing any more."""
    added(known, FLAKY)
    with psycopg.connect(known.url) as connection:
        connection.execute("UPDATE quarantines SET until = now() - interval '1 minute'")
    assert listed(known) == []
    assert listed(known, expired=True) == [("flaky pay", None, "flaky")]


def test_a_removed_quarantine_is_gone(known: Database) -> None:
    """Only that of the same branch."""
    added(known, FLAKY)
    with known.connect() as connection:
        with pytest.raises(Refused, match="NAME: suite shop has no quarantine of flaky pay on branch main"):
            quarantine.remove(connection, suite="shop", branch="main", name="flaky pay")
        quarantine.remove(connection, suite="shop", branch=None, name="flaky pay")
    assert listed(known) == []


def test_the_table_shows_where_an_entry_comes_from(known: Database) -> None:
    """The entries of a file are those of the last run of the branch."""
    added(known, replace(FLAKY, until="1d"))
    entry = '[{"name": "broken pay", "owner": "qa", "until": "2999-01-01T00:00:00Z", "reason": "r"}]'
    with psycopg.connect(known.url) as connection:
        connection.execute("SELECT record_quarantine_file('r-0', %s)", (entry,))
    with known.connect() as connection:
        shown = table(quarantine.find(connection))
    assert [(row[0], row[2], row[5], row[6]) for row in shown.rows] == [
        ("broken pay", "main", "broken", "file"),
        ("flaky pay", "every", "flaky", "command"),
    ]
    assert shown.tones == ("odd", "odd")
