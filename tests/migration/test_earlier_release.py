"""Databases that an earlier release migrated with Alembic."""

from pathlib import Path

import psycopg
import pytest

from testfleet.database import migrations
from testfleet.database.migrations import migrate
from testfleet.errors import BadSetting
from tests.support.schema import put, schema, tables


def migrated_with_alembic(url: str, *, last: int) -> None:
    """Leave the database as earlier releases did, which kept Alembic's version beside the history."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE testfleet_migrations (version integer PRIMARY KEY, file text NOT NULL, sha256 text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute(
            "CREATE TABLE testfleet_version (version_num varchar(32) NOT NULL, "
            "CONSTRAINT testfleet_version_pkc PRIMARY KEY (version_num))"
        )
        for file in migrations.load(migrations.folder())[:last]:
            connection.execute(file.sql.encode())
            connection.execute(
                "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (%s, %s, %s)",
                [file.version, file.file, file.sha256],
            )
        connection.execute("INSERT INTO testfleet_version VALUES (%s)", [str(last)])


@pytest.mark.parametrize("behind", [0, 1, 4])
def test_a_database_of_an_earlier_release_migrates_on(empty_database_url: str, database_url: str, behind: int) -> None:
    """The missing files are applied, the history is kept, and the table of Alembic's version is dropped."""
    files = migrations.load(migrations.folder())
    migrated_with_alembic(empty_database_url, last=len(files) - behind)
    assert migrate(empty_database_url) == [file.file for file in files[len(files) - behind :]]
    assert schema(empty_database_url) == schema(database_url)
    with psycopg.connect(empty_database_url) as connection:
        history = connection.execute("SELECT version, sha256 FROM testfleet_migrations ORDER BY version").fetchall()
    assert history == [(file.version, file.sha256) for file in files]
    assert "testfleet_version" not in tables(empty_database_url)
    assert migrate(empty_database_url) == []


def test_a_refused_database_of_an_earlier_release_keeps_its_version(own_files: Path, empty_database_url: str) -> None:
    """The earlier release can still be used with a database that this one refuses."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    migrated_with_alembic(empty_database_url, last=1)
    put(own_files, "V2__b.sql", "CREATE TABLE b (x int")
    with pytest.raises(BadSetting, match=r"^migrations: V2__b.sql: syntax error"):
        migrate(empty_database_url)
    assert "testfleet_version" in tables(empty_database_url)
