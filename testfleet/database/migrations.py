"""Apply the SQL files of `migrations/` to the database.

The files have Flyway's names and are plain SQL, so that Flyway can apply them, too. They are append-only: the database
keeps a checksum of each applied file.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
import tenacity
from psycopg.rows import TupleRow

from runtime.text import one_line
from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Unavailable

LOCK = 0x7465_7374_666C_6565
"""Key of the advisory lock that a migrating process holds ("testflee" in ASCII)."""

LOCK_SECONDS = 120
"""Longest wait for another process's migration, or for a lock on a table."""

DEADLOCK_TRIES = 10
"""Tries of a migration that PostgreSQL ends because of a deadlock with a pod's transaction."""

_NAME = re.compile(r"V([1-9][0-9]*)__([A-Za-z0-9_]+)\.sql")

_CREATE_HISTORY = """
    CREATE TABLE IF NOT EXISTS testfleet_migrations (
        version    integer PRIMARY KEY,
        file       text NOT NULL,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_READ_HISTORY = "SELECT version, file, sha256 FROM testfleet_migrations ORDER BY version"
_WRITE_HISTORY = "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (%s, %s, %s)"
_MANAGED_BY_FLYWAY = (
    "SELECT to_regclass('flyway_schema_history') IS NOT NULL AND to_regclass('testfleet_migrations') IS NULL"
)

_HAS_PARTITIONS = "SELECT to_regprocedure('ensure_partitions(integer, date)') IS NOT NULL"
_ENSURE_PARTITIONS = "SELECT ensure_partitions()"
"""Cases of a month without a partition are stored in another place, from which they cannot be dropped by month."""

_DROP_VERSION = "DROP TABLE IF EXISTS testfleet_version"
"""Earlier releases kept Alembic's version in this table; it repeats the history's last version."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. `sha256` ignores the kind of line breaks, which a checkout may change."""

    version: int
    file: str
    sql: str
    sha256: str


def folder() -> Path:
    """Return the folder of the SQL files: inside the package in a wheel, beside it in the source tree."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def load(directory: Path) -> tuple[Migration, ...]:
    """Return the migrations of the folder in the order of their versions.

    Raises:
        BadSetting: a file's name is not Flyway's, or a version is missing or occurs twice.
    """
    migrations = sorted((_read(path) for path in directory.glob("*.sql")), key=lambda migration: migration.version)
    if not migrations:
        raise BadSetting(f"migrations: {directory} holds no V1__….sql; install testfleet again")
    for expected, migration in enumerate(migrations, start=1):
        if migration.version < expected:
            raise BadSetting(
                f"migrations: {migration.file}: version {migration.version} occurs twice; rename one of the files"
            )
        if migration.version > expected:
            raise BadSetting(f"migrations: {migration.file}: version {expected} is missing")
    return tuple(migrations)


def _read(path: Path) -> Migration:
    match = _NAME.fullmatch(path.name)
    if not match:
        raise BadSetting(f"migrations: {path.name}: must be named V<number>__<words>.sql")
    sql = "\n".join(path.read_text(encoding="utf-8").splitlines())
    return Migration(int(match[1]), path.name, sql, hashlib.sha256(sql.encode()).hexdigest())


def check(migrations: Sequence[Migration], applied: Iterable[tuple[int, str, str]]) -> None:
    """Compare the files with the database's history: version, file name and sha256 of each applied file.

    Raises:
        BadSetting: the database has a version that this program lacks, an applied file was changed, or the history
            lacks a version below its last.
    """
    known = {migration.version: migration for migration in migrations}
    for expected, (version, file, sha256) in enumerate(applied, start=1):
        if version not in known:
            raise BadSetting(
                f"migrations: the database is at version {version} ({file}); "
                f"this testfleet ends at version {migrations[-1].version}; use a newer testfleet"
            )
        if known[version].sha256 != sha256:
            raise BadSetting(
                f"migrations: {known[version].file}: was changed after it had been applied; "
                f"restore it and put the change into V{migrations[-1].version + 1}__….sql"
            )
        if version != expected:
            raise BadSetting(
                f"migrations: testfleet_migrations lacks version {expected} below version {version} ({file}); "
                "restore the database from a backup"
            )


def migrate(database_url: str, auth: Literal["password", "iam"] = "password") -> list[str]:
    """Apply the missing files and return their names in order. Create the partitions of the next months.

    One transaction applies all of them or none. Concurrent callers wait for one another.

    Raises:
        Unavailable: the database is out of reach, or a lock is not free in time.
        BadSetting: the files and the database contradict each other, or PostgreSQL refuses a statement.
    """
    return _transaction(Database(database_url, auth), load(folder()))


def _is_deadlock(error: BaseException) -> bool:
    return isinstance(error.__cause__, psycopg.errors.DeadlockDetected)


# Some transactions of a pod lock run and then shard; others lock shard and then, for a foreign key, run.
# No order of locks in a migration avoids a deadlock with both.
@tenacity.retry(
    retry=tenacity.retry_if_exception(_is_deadlock), stop=tenacity.stop_after_attempt(DEADLOCK_TRIES), reraise=True
)
def _transaction(database: Database, migrations: Sequence[Migration]) -> list[str]:
    with _translated("database", "TESTFLEET_DATABASE_URL"), database.open() as connection:
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if connection.execute(_MANAGED_BY_FLYWAY).fetchone() == (True,):
            raise BadSetting("TESTFLEET_DATABASE_URL: Flyway manages the tables of this database; run: flyway migrate")
        connection.execute(_CREATE_HISTORY)
        connection.execute(_DROP_VERSION)
        history = connection.execute(_READ_HISTORY).fetchall()
        check(migrations, history)
        pending = migrations[len(history) :]
        for migration in pending:
            _apply(connection, migration)
        if connection.execute(_HAS_PARTITIONS).fetchone() == (True,):
            connection.execute(_ENSURE_PARTITIONS)
    return [migration.file for migration in pending]


def _apply(connection: psycopg.Connection[TupleRow], migration: Migration) -> None:
    with _translated(f"database: {migration.file}", f"migrations: {migration.file}"):
        # Without parameters, psycopg sends the text as it is: several statements are allowed, and % is no placeholder.
        connection.execute(migration.sql.encode())
    connection.execute(_WRITE_HISTORY, [migration.version, migration.file, migration.sha256])


@contextmanager
def _translated(unavailable: str, refused: str) -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"{unavailable}: {one_line(error)}") from error
    except psycopg.Error as error:
        raise BadSetting(f"{refused}: {one_line(error)}") from error
