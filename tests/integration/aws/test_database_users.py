"""The SQL that creates the database's users, on a real server. Each user has exactly the rights for its work."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from testfleet.database.connection import Database
from testfleet.database.migrations import migrate
from testfleet.errors import BadSetting
from testfleet.notices.sender import Sender
from testfleet.notices.targets import Slack
from testfleet.results import analysis_settings
from tests.support.aws.database_user import as_user, is_member_of_rds_iam, on_database
from tests.support.aws.template import FOLDER

RESULTS = ("test_runs", "test_shards", "test_cases", "case_tries", "artifacts")
LOGINS = ("testfleet_migrator", "testfleet_reporter", "testfleet_cli", "testfleet_reader")


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    """A database whose owner is an admin as with `iam-db-auth`.

    It is no superuser, may create roles, is a member of `rds_iam` and may grant it.
    """
    name = f"results_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE ROLE rds_iam NOLOGIN")
        server.execute("CREATE ROLE testfleet_admin LOGIN CREATEROLE PASSWORD 'x'")
        server.execute("GRANT rds_iam TO testfleet_admin WITH ADMIN OPTION")
        server.execute(sql.SQL("CREATE DATABASE {} OWNER testfleet_admin").format(sql.Identifier(name)))
    yield on_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in (*LOGINS, "testfleet_owner", "testfleet_admin", "rds_iam"):
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture(scope="module")
def ready(url: str) -> str:
    """The database after the steps of the README. Each step of the admin ran twice."""
    for file in ("roles.sql", "roles.sql"):
        _run(url, file)
    migrate(as_user(url, "testfleet_migrator"))
    for file in ("grants.sql", "grants.sql", "roles.sql"):
        _run(url, file)
    return url


def _run(url: str, file: str) -> None:
    with psycopg.connect(as_user(url, "testfleet_admin")) as connection:
        connection.execute((FOLDER / "sql" / file).read_text().encode())


def privileges(url: str, user: str) -> dict[str, set[str]]:
    """Return the rights of the user on each table of testfleet."""
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    with psycopg.connect(url) as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {
            table: {
                kind
                for kind in kinds
                if connection.execute("SELECT has_table_privilege(%s, %s, %s)", (user, table, kind)).fetchone()
                == (True,)
            }
            for table in tables
        }


def test_the_reporter_writes_the_results_and_nothing_else(ready: str) -> None:
    """It cannot write the history of migrations, and cannot delete from tables that it never deletes from."""
    found = privileges(ready, "testfleet_reporter")
    for table in RESULTS:
        removes = {"DELETE"} if table in {"test_cases", "case_tries"} else set()
        assert found.pop(table) == {"SELECT", "INSERT", "UPDATE"} | removes
    for table in ("causes", "cause_fingerprints"):
        assert found.pop(table) == {"SELECT", "INSERT"}
    for table in ("outbox_targets", "outbox_deliveries"):
        assert found.pop(table) == {"SELECT", "INSERT", "UPDATE"}
    assert found
    assert set(map(frozenset, found.values())) == {frozenset({"SELECT"})}


def test_the_reporter_sends_notices_and_changes_none(ready: str) -> None:
    """`testfleet sweep` logs in as the reporter. Only a function writes a notice."""
    target = Slack(kind="slack", url="env:CHAT")
    sender = Sender(Database(as_user(ready, "testfleet_reporter")), {"chat": target}, environ={})
    sender.send()
    with psycopg.connect(as_user(ready, "testfleet_reporter")) as reporter:
        reporter.execute("INSERT INTO test_runs (run_id, status, finished_at) VALUES ('r-1', 'errored', now())")
        reporter.execute("SELECT add_run_notices('r-1')")
    assert sender.send()["chat"].problem == "the environment variable CHAT is not set"
    for statement in ("UPDATE outbox SET data = '1'", "INSERT INTO outbox (kind) VALUES ('x')", "DELETE FROM outbox"):
        with (
            psycopg.connect(as_user(ready, "testfleet_reporter")) as reporter,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            reporter.execute(statement.encode())
    with psycopg.connect(as_user(ready, "testfleet_cli")) as cli:
        assert cli.execute("SELECT retry_notices()").fetchone() == (0,)
    with psycopg.connect(as_user(ready, "testfleet_migrator")) as owner:
        owner.execute("TRUNCATE test_runs, outbox, outbox_targets CASCADE")


def test_the_command_line_registers_runs_and_reads(ready: str) -> None:
    """`enqueue` inserts into one table. `wait`, `runs` and `show` read all tables."""
    found = privileges(ready, "testfleet_cli")
    assert found.pop("test_runs") == {"SELECT", "INSERT"}
    assert set(map(frozenset, found.values())) == {frozenset({"SELECT"})}


def test_the_command_line_cancels_runs(ready: str) -> None:
    """It uses the one function, which changes no verdict. Neither Grafana nor a reporter may call the function."""
    with psycopg.connect(as_user(ready, "testfleet_cli")) as cli:
        cli.execute("INSERT INTO test_runs (run_id, suite, status, shards) VALUES ('r-1', 's', 'queued', 1)")
        assert cli.execute("SELECT cancel_run('r-1')").fetchone() == ("queued",)
        assert cli.execute("SELECT status FROM test_runs").fetchone() == ("cancelled",)
        cli.rollback()
    for user in ("testfleet_reporter", "testfleet_reader"):
        with (
            psycopg.connect(as_user(ready, user)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT cancel_run('r-1')")


def test_only_the_command_line_adds_a_quarantine(ready: str) -> None:
    """It uses two functions. A reporter can only repeat a file's entries, which decide nothing."""
    add = "SELECT add_quarantine('s', NULL, 'a', 'me', now() + interval '1 day', 'why', true)"
    with psycopg.connect(as_user(ready, "testfleet_cli")) as cli:
        assert cli.execute(add).fetchone() == ("added",)
        assert cli.execute("SELECT source, created_by FROM quarantines").fetchone() == ("command", "testfleet_cli")
        assert cli.execute("SELECT remove_quarantine('s', NULL, 'a')").fetchone() == (True,)
        cli.rollback()
    for user in ("testfleet_reporter", "testfleet_reader"):
        for statement in (add, "SELECT remove_quarantine('s', NULL, 'a')", "DELETE FROM quarantines"):
            with (
                psycopg.connect(as_user(ready, user)) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement.encode())
    with psycopg.connect(as_user(ready, "testfleet_reporter")) as reporter:
        reporter.execute("INSERT INTO test_runs (run_id, suite, status) VALUES ('r-1', 's', 'queued')")
        entry = '[{"name": "a", "branch": null, "owner": "o", "until": "2999-01-01T00:00:00Z", "reason": "r"}]'
        reporter.execute("SELECT record_quarantine_file('r-1', %s)", (entry,))
        assert reporter.execute("SELECT source, branch, name FROM quarantines").fetchall() == [("file", "", "a")]
        reporter.execute("SELECT set_file_owners('s', ARRAY['a.py', 'b.py'], ARRAY['team', NULL])")
        assert reporter.execute("SELECT file, owner FROM file_owners").fetchall() == [("a.py", "team")]
        reporter.rollback()


def test_only_the_owner_changes_the_settings_of_the_analysis(ready: str) -> None:
    """A pipeline must not lower its own limits, and its user learns what to do."""
    line = "TESTFLEET_DATABASE_URL: permission denied for table analysis_settings; log in as a member of the role"
    for user in ("testfleet_cli", "testfleet_reporter", "testfleet_reader"):
        with pytest.raises(BadSetting, match=f"^{line}"):
            analysis_settings.write(Database(as_user(ready, user)), {"min_cases_percent": 1})
    analysis_settings.write(Database(as_user(ready, "testfleet_migrator")), {"min_cases_percent": 80})
    assert analysis_settings.read(Database(as_user(ready, "testfleet_cli"))).min_cases_percent == 80


def test_only_the_reporter_folds_runs(ready: str) -> None:
    """It changes summaries by these functions and no others. Rebuild and retention are the owner's."""
    folds = ("lock_summaries(text)", "fold_run(text)")
    owners = (
        "fold_into_summaries(text)",
        "begin_rebuild(text)",
        "continue_rebuild(text, integer)",
        "forget_branch(integer, timestamptz)",
        "drop_cases(date)",
    )
    with psycopg.connect(ready) as connection:
        for user in ("testfleet_reporter", "testfleet_cli", "testfleet_reader"):
            for function in (*folds, *owners):
                may = connection.execute(
                    "SELECT has_function_privilege(%s, %s, 'EXECUTE')", (user, function)
                ).fetchone()
                assert may == (user == "testfleet_reporter" and function in folds,), (user, function)


def test_grafana_reads(ready: str) -> None:
    """It reads every table, also a view that is created later."""
    with psycopg.connect(as_user(ready, "testfleet_migrator")) as migrator:
        migrator.execute("CREATE VIEW later AS SELECT run_id FROM test_runs")
    assert set(map(frozenset, privileges(ready, "testfleet_reader").values())) == {frozenset({"SELECT"})}
    with psycopg.connect(as_user(ready, "testfleet_reader")) as reader:
        assert reader.execute("SELECT count(*) FROM later").fetchone() == (0,)
    with psycopg.connect(as_user(ready, "testfleet_migrator")) as migrator:
        migrator.execute("DROP VIEW later")


def test_only_the_migrator_creates_tables(ready: str) -> None:
    """The schema is the one of the programs."""
    for user in ("testfleet_reporter", "testfleet_cli", "testfleet_reader"):
        with (
            psycopg.connect(as_user(ready, user)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE mine (x integer)")


def test_only_the_reporter_has_temporary_tables(ready: str) -> None:
    """It copies cases into one. A user that only reads must not fill the disk."""
    with psycopg.connect(as_user(ready, "testfleet_reporter")) as reporter:
        reporter.execute("CREATE TEMP TABLE staged (LIKE test_cases)")
    for user in ("testfleet_cli", "testfleet_reader"):
        with (
            psycopg.connect(as_user(ready, user)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TEMP TABLE staged (x integer)")


def test_the_owner_of_the_tables_cannot_log_in(ready: str) -> None:
    """The migrator acts as the owner, so a migrator with another name may change the tables, too."""
    with psycopg.connect(ready) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("testfleet_owner",)]
        login = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'testfleet_owner'").fetchone()
        assert login == (False,)


def test_every_login_is_by_iam_and_the_owner_is_not(ready: str) -> None:
    """The admin has the membership that `iam-db-auth` gives it."""
    with psycopg.connect(ready) as connection:
        rows = connection.execute(
            "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole ORDER BY 1"
        ).fetchall()
    assert {row[0] for row in rows} == {*LOGINS, "testfleet_admin"}
    assert is_member_of_rds_iam(as_user(ready, "testfleet_admin"))
