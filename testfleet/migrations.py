"""Brings the tables up to date: the Flyway-named SQL files of `migrations/`, applied by Alembic.

Alembic keeps the version and its order; the SQL files stay the only source, so that Flyway can apply them just as
well. Files are append-only: a checksum beside each applied version holds them to it.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import tenacity
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script.base import Script
from alembic.script.revision import RevisionMap
from sqlalchemy import Connection, Engine, NullPool, create_engine, exc, text

from runtime.text import one_line
from testfleet.database import Database
from testfleet.errors import BadSetting, Unavailable

VERSION_TABLE = "testfleet_version"
"""Alembic's own; the name leaves room for another program's `alembic_version` in the same database."""

LOCK = 0x7465_7374_666C_6565
"""The advisory lock of all migrating processes ("testflee" in ASCII)."""

LOCK_SECONDS = 120
"""How long one process waits for another's migration, or a migration for a busy table."""

DEADLOCK_TRIES = 10
"""How often a migration is tried that PostgreSQL ended because of a deadlock with a pod's transaction."""

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
_WRITE_HISTORY = "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (:version, :file, :sha256)"
_FLYWAY = "SELECT to_regclass('flyway_schema_history') IS NOT NULL AND to_regclass('testfleet_migrations') IS NULL"


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. `sha256` ignores the kind of its line breaks, which a checkout may change."""

    version: int
    file: str
    sql: str
    sha256: str


def folder() -> Path:
    """Where the SQL files are: inside the package in a wheel, beside it in the source tree."""
    inside = Path(__file__).parent / "migrations"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "migrations"


def load(directory: Path) -> tuple[Migration, ...]:
    """The migrations in order.

    Raises:
        BadSetting: a file's name is not Flyway's, or the versions are not 1, 2, 3 without gap or double.
    """
    migrations = sorted((_read(path) for path in directory.glob("*.sql")), key=lambda migration: migration.version)
    if not migrations:
        raise BadSetting("migrations: no V1__….sql is there; this installation is incomplete")
    for expected, migration in enumerate(migrations, start=1):
        if migration.version < expected:
            raise BadSetting(f"migrations: {migration.file}: version {migration.version} is there twice")
        if migration.version > expected:
            raise BadSetting(f"migrations: {migration.file}: version {expected} must come first and is missing")
    return tuple(migrations)


def _read(path: Path) -> Migration:
    match = _NAME.fullmatch(path.name)
    if not match:
        raise BadSetting(f"migrations: {path.name}: must be named V<number>__<words>.sql")
    sql = "\n".join(path.read_text(encoding="utf-8").splitlines())
    return Migration(int(match[1]), path.name, sql, hashlib.sha256(sql.encode()).hexdigest())


def check(migrations: Sequence[Migration], applied: Iterable[tuple[int, str, str]]) -> None:
    """Hold the files to what the database says was applied: version, file, sha256.

    Raises:
        BadSetting: the database is ahead of this program, or an applied file was changed.
    """
    known = {migration.version: migration for migration in migrations}
    for version, file, sha256 in applied:
        if version not in known:
            raise BadSetting(
                f"migrations: the database is at version {version} ({file}), which this testfleet does not know "
                f"(it ends at {migrations[-1].version}); use a newer testfleet"
            )
        if known[version].sha256 != sha256:
            raise BadSetting(
                f"migrations: {known[version].file}: was changed after it had been applied; "
                f"files are append-only, put the change into V{migrations[-1].version + 1}__….sql"
            )


def migrate(database_url: str, auth: Literal["password", "iam"] = "password") -> list[str]:
    """Apply what is missing and return the names of the files applied, in order; empty if there was nothing to do.

    All of it is one transaction: it is applied whole or not at all. Concurrent callers wait for one another.

    Raises:
        Unavailable: the database is out of reach, or another migration takes too long.
        BadSetting: the files and the database contradict each other, or a statement is refused.
    """
    migrations = load(folder())
    engine = create_engine("postgresql+psycopg://", creator=Database(database_url, auth).open, poolclass=NullPool)
    try:
        return _transaction(engine, migrations)
    except exc.OperationalError as error:
        raise Unavailable(f"database: {one_line(error.orig or error)}") from error
    except exc.DBAPIError as error:
        raise BadSetting(f"TESTFLEET_DATABASE_URL: {one_line(error.orig or error)}") from error


def _is_deadlock(error: BaseException) -> bool:
    return isinstance(error, exc.OperationalError) and getattr(error.orig, "sqlstate", None) == "40P01"


# Pods lock some tables in the order run, shard and others in the order shard, run (by a foreign key's check), so that
# no order of a migration's own excludes a deadlock with them.
@tenacity.retry(
    retry=tenacity.retry_if_exception(_is_deadlock), stop=tenacity.stop_after_attempt(DEADLOCK_TRIES), reraise=True
)
def _transaction(engine: Engine, migrations: Sequence[Migration]) -> list[str]:
    with engine.begin() as connection:
        return _apply(connection, migrations)


def _apply(connection: Connection, migrations: Sequence[Migration]) -> list[str]:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    if connection.scalar(text(_FLYWAY)):
        raise BadSetting("TESTFLEET_DATABASE_URL: Flyway keeps this database's tables; go on with flyway migrate")
    connection.exec_driver_sql(_CREATE_HISTORY)
    history = [(row.version, row.file, row.sha256) for row in connection.execute(text(_READ_HISTORY))]
    check(migrations, history)
    pending = list(migrations[len(history) :])
    if pending:
        _context(connection, migrations).run_migrations()
    return [migration.file for migration in pending]


def _context(connection: Connection, migrations: Sequence[Migration]) -> MigrationContext:
    scripts = [_script(connection, migration) for migration in migrations]
    revisions = RevisionMap(lambda: scripts)

    def missing(heads: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        newest_first = revisions.iterate_revisions("head", heads or "base")
        steps = [
            RevisionStep(revisions, script, is_upgrade=True) for script in newest_first if isinstance(script, Script)
        ]
        return steps[::-1]

    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "fn": missing})


def _script(connection: Connection, migration: Migration) -> Script:
    """What Alembic takes for a revision file: a module with `upgrade`."""

    def upgrade(**_: Any) -> None:
        # Without parameters the driver sends the text as it is: several statements at once, and % means %.
        try:
            connection.exec_driver_sql(migration.sql, execution_options={"no_parameters": True})
        except exc.OperationalError:
            raise
        except exc.DBAPIError as error:
            raise BadSetting(f"migrations: {migration.file}: {one_line(error.orig or error)}") from error
        connection.execute(
            text(_WRITE_HISTORY),
            {"version": migration.version, "file": migration.file, "sha256": migration.sha256},
        )

    module = ModuleType(migration.file)
    module.upgrade = upgrade  # type: ignore[attr-defined]  # that is how Alembic finds it
    module.down_revision = str(migration.version - 1) if migration.version > 1 else None  # type: ignore[attr-defined]  # likewise
    return Script(module, str(migration.version), migration.file)
