"""Connections to PostgreSQL for the command line: login, time limits, translated errors."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow, dict_row
from psycopg.types.datetime import TimestamptzLoader

from runtime.text import one_line
from testfleet import database
from testfleet.errors import BadSetting, Unavailable

CONNECT_SECONDS = 10
QUERY_SECONDS = 30
"""Maximum time of one statement, and of unacknowledged data before the connection counts as lost."""

RDS_BUNDLE = "/etc/ssl/certs/rds-global-bundle.pem"
"""Certificate authorities of RDS in the image."""

_KEYWORDS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()} | {"ssl"}
"""Parameter names of libpq's URLs. libpq also accepts `ssl=true`, JDBC's spelling."""

_SETTING = "TESTFLEET_DATABASE_URL"

# SET LOCAL: behind a pooler, the next transaction may run in another server session.
_SETTINGS = f"SET LOCAL statement_timeout = {QUERY_SECONDS * 1000}; SET LOCAL timezone = 'UTC'".encode()


class _Lenient(TimestamptzLoader):
    """Loads a time that Python cannot represent (after the year 9999, infinity) as None."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return None


class Connection:
    """One open connection. Each statement is a transaction of its own, except within `transaction`."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run the statement and return its rows, with times in UTC.

        Raises:
            Unavailable: the connection is lost, or the statement took too long.
            BadSetting: the tables are missing, or the user lacks a right.
        """
        with translated(), self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_SETTINGS)
            return cursor.execute(statement.encode(), values).fetchall()

    def execute(self, statement: str) -> None:
        """Run a statement that returns no rows.

        Raises:
            Unavailable, BadSetting: as `rows`.
        """
        with translated(), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
            cursor.execute(statement.encode())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the statements of the block together, or none of them if it raises an error.

        Raises:
            Unavailable, BadSetting: as `rows`.
        """
        with translated(), self._connection.transaction():
            yield

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add the rows to a table with COPY. Table and columns are names of our own.

        Raises:
            Unavailable, BadSetting: as `rows`.
        """
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with translated(), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)


@dataclass(frozen=True, slots=True)
class Database:
    """The results database and how to log in.

    With `auth` `password`, libpq reads the password from the URL or its environment. With `iam`, each connection signs
    a new RDS token and verifies TLS against `authorities`. With `read_only`, the server refuses every statement of
    `connect`'s connections that would write.
    """

    url: str = field(repr=False)  # it may hold a password
    auth: Literal["password", "iam"] = "password"
    read_only: bool = False

    @property
    def authorities(self) -> str:
        """The PEM file of trusted certificate authorities: `sslrootcert` of the URL, `PGSSLROOTCERT`, or RDS's bundle.

        Raises:
            BadSetting: libpq does not understand the URL.
        """
        return str(self._parameters().get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or RDS_BUNDLE)

    def open(self) -> psycopg.Connection[TupleRow]:
        """Return a connection that notices a lost server. The caller limits the time of its statements.

        Raises:
            Unavailable: no server answers, or it refuses the login.
            BadSetting: libpq does not understand the URL.
        """
        parameters = self._parameters()
        parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        parameters.setdefault("tcp_user_timeout", QUERY_SECONDS * 1000)
        if self.auth == "iam":
            parameters |= {
                "password": database.rds_token.sign(parameters),
                "sslmode": "verify-full",
                "sslrootcert": self.authorities,
            }
        try:
            # Behind a pooler, a prepared statement would belong to a server session of other clients, too.
            return psycopg.connect(**parameters, prepare_threshold=None)
        except psycopg.Error as error:
            raise Unavailable(f"database: {one_line(error)}") from error

    def _parameters(self) -> dict[str, Any]:
        try:
            return dict(conninfo_to_dict(self.url))
        except psycopg.ProgrammingError:  # its text may quote the password
            for name in _parameter_names(self.url) - _KEYWORDS:
                raise BadSetting(f"{_SETTING}: {name} is no parameter of libpq") from None
            raise BadSetting(f"{_SETTING}: must be a postgresql:// URL that libpq understands") from None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Return an open connection, and close it at the end of the block.

        Raises:
            Unavailable, BadSetting: as `open`.
        """
        with closing(self.open()) as connection:
            with translated():
                connection.autocommit = True
                connection.read_only = self.read_only or None  # of each transaction: a pooler shares sessions
                connection.adapters.register_loader("timestamptz", _Lenient)
            yield Connection(connection)


def _parameter_names(url: str) -> set[str]:
    """Return the names of the URL's parameters that are identifiers. Another one may be part of a password."""
    names = {unquote(pair.partition("=")[0]) for pair in urlsplit(url).query.split("&") if "=" in pair}
    return {name for name in names if name.isidentifier()}


@contextmanager
def translated() -> Iterator[None]:
    """Translate each error of the driver within the block.

    Raises:
        Unavailable, BadSetting: as `Connection.rows`.
    """
    try:
        yield
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
    ) as error:
        raise BadSetting(f"{_SETTING}: the database's tables are missing or old; run: testfleet migrate") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"database: {one_line(error)}") from error
    except psycopg.Error as error:
        raise BadSetting(f"{_SETTING}: {one_line(error)}") from error
