"""Partitions by month, and what retain drops."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.database.migrations import folder, load, migrate
from testfleet.database.rebuild import rebuild
from testfleet.database.retention import retain
from testfleet.errors import Refused
from tests.support.folded_runs import Past

TABLES = ("test_cases", "case_tries")


def months(past: Past, table: str = "test_cases") -> set[date | None]:
    found = past.connection.execute("SELECT since FROM case_months WHERE table_name = %s", [table]).fetchall()
    return {row[0] for row in found}


def month_of(day: date, ahead: int = 0) -> date:
    place = day.year * 12 + day.month - 1 + ahead
    return date(place // 12, place % 12 + 1, 1)


@pytest.fixture
def today() -> date:
    """The present UTC day."""
    return datetime.now(UTC).date()


@pytest.fixture
def retained(database_url: str) -> Callable[..., object]:
    """Runs retain with ages in days."""
    return lambda **options: retain(Database(database_url), **{"dry_run": False, "runs_days": 732, **options})


def test_a_new_database_has_the_present_month_and_three_more(past: Past, today: date) -> None:
    """The housekeeping adds others in time."""
    for table in TABLES:
        assert months(past, table) == {month_of(today, ahead) for ahead in range(4)}


def test_a_migration_without_a_file_to_apply_creates_missing_months(past: Past, database_url: str, today: date) -> None:
    """A deployment migrates at each start, and thereby keeps months ahead of the pods."""
    last = month_of(today, 3)
    for table in TABLES:
        past.connection.execute(f"DROP TABLE {table}_{last:%Y_%m}".encode())
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "CREATE TABLE testfleet_migrations (version integer PRIMARY KEY, file text NOT NULL, sha256 text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.cursor().executemany(
            "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (%s, %s, %s)",
            [(file.version, file.file, file.sha256) for file in load(folder())],
        )
    assert migrate(database_url) == []
    assert last in months(past)


def test_partitions_are_made_once(past: Past, today: date) -> None:
    """A second call finds nothing to do."""
    made = past.connection.execute("SELECT ensure_partitions(5)").fetchall()
    assert {name for (name,) in made} == {
        f"{table}_{month_of(today, ahead):%Y_%m}" for table in TABLES for ahead in (4, 5)
    }
    assert past.connection.execute("SELECT ensure_partitions(5)").fetchall() == []


def test_rows_of_a_month_without_a_partition_are_kept_and_moved(past: Past) -> None:
    """No result is lost if the housekeeping does not run."""
    run = past.add({"pays": "f", "finds": "p"})
    assert past.connection.execute("SELECT count(*) FROM test_cases_other").fetchone() == (2,)
    past.connection.execute("SELECT ensure_partitions()")
    assert past.connection.execute("SELECT count(*) FROM test_cases_other").fetchone() == (0,)
    assert month_of(past.at.date()) in months(past)
    assert past.connection.execute("SELECT count(*) FROM test_cases WHERE run_id = %s", [run]).fetchone() == (2,)


def test_the_rows_of_an_earlier_release_become_one_partition(empty_database_url: str, today: date) -> None:
    """The migration keeps their names, and their runs go on."""
    files = load(folder())
    with psycopg.connect(empty_database_url) as connection:
        for file in files[:7]:
            connection.execute(file.sql.encode())
        connection.execute("INSERT INTO test_runs (run_id, status) VALUES ('old', 'running')")
        connection.execute(
            "INSERT INTO test_cases (run_id, name, shard, attempt, status) VALUES ('old', 'pays', 1, 1, 'passed')"
        )
        connection.execute("INSERT INTO case_tries VALUES ('old', 'pays', 1, 1, 'failed', 5, NULL)")
    with psycopg.connect(empty_database_url) as connection:
        for file in files[7:]:
            connection.execute(file.sql.encode())
        for table in TABLES:
            query = "SELECT t.tableoid::regclass::text, t.day = r.day FROM {} AS t JOIN test_runs AS r USING (run_id)"
            found = connection.execute(query.format(table).encode()).fetchall()
            assert found == [(f"{table}_before", True)]
            bounds = connection.execute(
                "SELECT since, until FROM case_months WHERE table_name = %s AND since IS NULL", [table]
            ).fetchone()
            assert bounds == (None, month_of(today, 1))
        connection.execute("DELETE FROM test_runs")
        assert connection.execute("SELECT count(*) FROM case_tries").fetchone() == (0,)


def test_a_view_of_your_own_stops_the_migration(empty_database_url: str) -> None:
    """It would show the old rows only, without a sign."""
    files = load(folder())
    with psycopg.connect(empty_database_url) as connection:
        for file in files[:7]:
            connection.execute(file.sql.encode())
        connection.execute("CREATE VIEW our_view AS SELECT name FROM test_cases")
        connection.execute(files[7].sql.encode())
        with pytest.raises(psycopg.errors.RaiseException, match="these views read test_cases or case_tries: our_view"):
            connection.execute(files[8].sql.encode())


def test_months_of_cases_are_dropped_and_everything_else_stays(
    past: Past, retained: Callable[..., object], today: date
) -> None:
    """The totals of the runs, their failures and the summaries are those of before."""
    past.at = datetime.now(UTC) - timedelta(days=200)
    old = past.add({"pays": "p", "finds": "f"})
    past.at = datetime.now(UTC) - timedelta(hours=2)
    young = past.add({"pays": "f", "finds": "f"})
    kept = ("SELECT * FROM folded_cases ORDER BY 1, 2", "SELECT * FROM run_failures ORDER BY 1, 2",
            "SELECT run_id, total, failed FROM test_runs ORDER BY 1")  # fmt: skip
    before = [past.connection.execute(query.encode()).fetchall() for query in kept]
    found = retained(cases_days=90, dry_run=True)
    assert retained(cases_days=90) != found  # the rows of that month had no partition yet
    dropped = past.connection.execute("SELECT until FROM dropped_cases").fetchone()
    assert dropped == (month_of(today - timedelta(days=200), 1),)
    assert past.connection.execute("SELECT DISTINCT run_id FROM test_cases").fetchall() == [(young,)]
    assert [past.connection.execute(query.encode()).fetchall() for query in kept] == before
    assert old != young


def test_a_dry_run_drops_nothing(past: Past, retained: Callable[..., object]) -> None:
    """It finds what the run after it drops."""
    past.at = datetime.now(UTC) - timedelta(days=1000)
    past.add({"pays": "p"}, branch="fix")
    past.connection.execute("SELECT ensure_partitions()")
    tables = ("test_runs", "test_cases", "folded_cases", "suite_summaries")
    counts = [past.connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in tables]
    found = retained(cases_days=90, dry_run=True)
    assert [past.connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in tables] == counts
    assert retained(cases_days=90) == found
    for table in tables:
        assert past.connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table


def test_runs_without_a_verdict_and_default_branches_are_never_dropped(
    past: Past, retained: Callable[..., object]
) -> None:
    """However old they are."""
    past.at = datetime.now(UTC) - timedelta(days=1000)
    past.add({"pays": "p"})
    running = past.add({"pays": "p"}, fold=False)
    past.connection.execute("UPDATE test_runs SET status = 'running', finished_at = NULL WHERE run_id = %s", [running])
    retained(cases_days=90)
    assert past.connection.execute("SELECT run_id FROM test_runs").fetchall() == [(running,)]
    assert past.connection.execute("SELECT count(*) FROM case_summaries").fetchone() == (1,)


def test_a_rebuild_does_not_silently_forget_dropped_cases(
    past: Past, retained: Callable[..., object], database_url: str
) -> None:
    """It needs a word of consent."""
    past.at = datetime.now(UTC) - timedelta(days=200)
    past.add({"pays": "p"})
    retained(cases_days=90)
    with pytest.raises(Refused, match=r"^cases before .* were dropped"):
        list(rebuild(Database(database_url)))
    assert past.connection.execute("SELECT executions FROM case_summaries").fetchall() == [(1,)]
    assert [done.runs for done in rebuild(Database(database_url), forget=True)] == [1]
    assert past.connection.execute("SELECT executions FROM case_summaries").fetchall() == []
