"""The results database: reachable, migrated, and with its IAM users."""

from collections.abc import Iterator, Sequence
from typing import Final

from testfleet.database.connection import Connection, Database
from testfleet.doctor.finding import Finding, ok, wrong
from testfleet.errors import CommandError

LEAST_SERVER: Final = 14
"""Oldest major version of PostgreSQL that is still maintained."""

USERS: Final = ("testfleet_migrator", "testfleet_reporter", "testfleet_cli")
"""Users that log in by IAM, as deploy/aws/sql/roles.sql makes them; testfleet_reader is Grafana's and optional."""

_SERVER = "SELECT current_setting('server_version_num')::integer / 10000 AS major"
_HISTORY = "SELECT to_regclass('testfleet_migrations') IS NOT NULL AS present"
_VERSION = "SELECT max(version) AS version FROM testfleet_migrations"
_USERS = """
SELECT login.rolname AS name, EXISTS (
    SELECT FROM pg_auth_members AS member JOIN pg_roles AS iam ON iam.oid = member.roleid
    WHERE member.member = login.oid AND iam.rolname = 'rds_iam'
) AS by_iam
FROM pg_roles AS login WHERE login.rolname = ANY (%(users)s)
"""


def examine(database: Database, *, newest: int) -> Iterator[Finding]:
    """Examine the database; `newest` is the version of this program's last migration."""
    try:
        with database.connect() as connection:
            yield from _findings(connection, newest, users=USERS if database.auth == "iam" else ())
    except CommandError as error:
        yield wrong("database", str(error), "correct TESTFLEET_DATABASE_URL, or allow connections to the server")


def _findings(connection: Connection, newest: int, *, users: Sequence[str]) -> Iterator[Finding]:
    major = connection.rows(_SERVER)[0]["major"]
    if major < LEAST_SERVER:
        yield wrong("database", f"PostgreSQL {major}", f"upgrade to PostgreSQL {LEAST_SERVER} or newer")
    else:
        yield ok("database", f"PostgreSQL {major}")
    yield schema(connection.rows(_VERSION)[0]["version"] if connection.rows(_HISTORY)[0]["present"] else None, newest)
    if users:
        found = {row["name"]: row["by_iam"] for row in connection.rows(_USERS, {"users": list(users)})}
        yield roles(users, found)


def schema(version: int | None, newest: int) -> Finding:
    """Judge the version of the tables; None means that there are none."""
    if version is None:
        return wrong("schema", "the database has no tables of testfleet", "testfleet migrate")
    if version < newest:
        return wrong("schema", f"version {version}; this testfleet has {newest}", "testfleet migrate")
    if version > newest:
        return wrong("schema", f"version {version}; this testfleet supports {newest}", "install a newer testfleet")
    return ok("schema", f"version {version}")


def roles(expected: Sequence[str], found: dict[str, bool]) -> Finding:
    """Judge the users that log in by IAM; `found` maps each existing user to its membership in rds_iam."""
    bad = [f"{name} is missing" for name in expected if name not in found]
    bad += [f"{name} is no member of rds_iam" for name in expected if found.get(name) is False]
    if bad:
        return wrong("database roles", "; ".join(bad), "run deploy/aws/sql/roles.sql as the admin")
    return ok("database roles", f"{len(expected)} users log in by IAM")
