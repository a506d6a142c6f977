"""The SQL that makes the database's users, on a real server: each can do its work and nothing else."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from testfleet.migrations import migrate
from tests.unit.aws.template import FOLDER

RESULTS = ("test_runs", "test_shards", "test_cases", "case_tries", "artifacts")
LOGINS = ("testfleet_migrator", "testfleet_reporter", "testfleet_cli", "testfleet_reader")


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    """A database that is owned by an admin such as RDS makes: no superuser, may create roles, may grant rds_iam."""
    name = f"results_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE ROLE rds_iam NOLOGIN")
        server.execute("CREATE ROLE testfleet_admin LOGIN CREATEROLE PASSWORD 'x'")
        server.execute("GRANT rds_iam TO testfleet_admin WITH ADMIN OPTION")
        server.execute(sql.SQL("CREATE DATABASE {} OWNER testfleet_admin").format(sql.Identifier(name)))
    yield _named(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in (*LOGINS, "testfleet_owner", "testfleet_admin", "rds_iam"):
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _named(url: str, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{user}@{host}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


def as_user(url: str, user: str) -> str:
    return _named(url, urlsplit(url).path.strip("/"), user)


@pytest.fixture(scope="module")
def ready(url: str) -> str:
    """After the steps of the README, each of the admin's taken twice."""
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
    """What the user may do with each table of ours."""
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
    """Not the tables that say which migrations were applied; and what it never removes, it cannot."""
    found = privileges(ready, "testfleet_reporter")
    for table in RESULTS:
        removes = {"DELETE"} if table in {"test_cases", "case_tries"} else set()
        assert found.pop(table) == {"SELECT", "INSERT", "UPDATE"} | removes
    assert found
    assert set(map(frozenset, found.values())) == {frozenset({"SELECT"})}


def test_the_command_line_registers_runs_and_reads(ready: str) -> None:
    """`enqueue` inserts into one table; `wait`, `runs` and `show` read all."""
    found = privileges(ready, "testfleet_cli")
    assert found.pop("test_runs") == {"SELECT", "INSERT"}
    assert set(map(frozenset, found.values())) == {frozenset({"SELECT"})}


def test_grafana_reads(ready: str) -> None:
    """Every table, and a view that comes later."""
    with psycopg.connect(as_user(ready, "testfleet_migrator")) as migrator:
        migrator.execute("CREATE VIEW later AS SELECT run_id FROM test_runs")
    assert set(map(frozenset, privileges(ready, "testfleet_reader").values())) == {frozenset({"SELECT"})}
    with psycopg.connect(as_user(ready, "testfleet_reader")) as reader:
        assert reader.execute("SELECT count(*) FROM later").fetchone() == (0,)
    with psycopg.connect(as_user(ready, "testfleet_migrator")) as migrator:
        migrator.execute("DROP VIEW later")


def test_nobody_but_the_migrator_makes_tables(ready: str) -> None:
    """In the schema that the programs look into."""
    for user in ("testfleet_reporter", "testfleet_cli", "testfleet_reader"):
        with (
            psycopg.connect(as_user(ready, user)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE mine (x integer)")


def test_only_the_reporter_has_temporary_tables(ready: str) -> None:
    """It brings cases in by COPY into one; a reader that could fill the disk would be none."""
    with psycopg.connect(as_user(ready, "testfleet_reporter")) as reporter:
        reporter.execute("CREATE TEMP TABLE staged (LIKE test_cases)")
    for user in ("testfleet_cli", "testfleet_reader"):
        with (
            psycopg.connect(as_user(ready, user)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TEMP TABLE staged (x integer)")


def test_the_tables_belong_to_a_role_that_nobody_logs_in_as(ready: str) -> None:
    """The migrator acts as it; so the next one, or a migrator of another name, may change them too."""
    with psycopg.connect(ready) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("testfleet_owner",)]
        login = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'testfleet_owner'").fetchone()
        assert login == (False,)


def test_every_login_is_by_iam_and_the_owner_is_not(ready: str) -> None:
    """The admin is a member of the owner: were that one of rds_iam, RDS would refuse the admin's password."""
    with psycopg.connect(ready) as connection:
        rows = connection.execute(
            "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole ORDER BY 1"
        ).fetchall()
    assert {row[0] for row in rows} == {*LOGINS, "testfleet_admin"}  # the admin by this test's own grant
