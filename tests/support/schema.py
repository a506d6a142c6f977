"""The tables of a database and their schema."""

from pathlib import Path

import psycopg

HISTORY = "testfleet_migrations"


def tables(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        if table != HISTORY:
            found.setdefault(table, []).append(column)
    return found


def schema(url: str) -> list[tuple[object, ...]]:
    """Return the columns with types and defaults, the constraints and the indexes."""
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace"
        ).fetchall()
        indexes = connection.execute(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        ).fetchall()
    return sorted((row for row in columns + constraints + indexes if row[0] != HISTORY), key=str)


def put(folder: Path, name: str, statements: str) -> None:
    (folder / name).write_text(statements)
