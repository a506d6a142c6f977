"""A connection for the owner of the tables, whose statements may take minutes."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow, dict_row

from testfleet.database.connection import Database, translated

LOCK_SECONDS = 30
"""Longest wait of a statement for the lock of a table or of a suite's summaries. Pods wait behind it meanwhile."""


class Maintenance:
    """One open connection. Each statement is a transaction of its own."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run the statement and return its rows.

        Raises:
            Unavailable: the connection is lost, or a lock was not free in time.
            BadSetting: the tables are missing or old, or the user lacks a right.
        """
        with translated(), self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
            cursor.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def maintenance(database: Database) -> Iterator[Maintenance]:
    """Return an open connection, and close it at the end of the block.

    Raises:
        Unavailable, BadSetting: as `Database.open`.
    """
    with closing(database.open()) as connection:
        connection.autocommit = True
        yield Maintenance(connection)
