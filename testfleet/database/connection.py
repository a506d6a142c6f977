"""Connections to PostgreSQL for the command line: login, time limits, translated errors."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow, dict_row
from psycopg.types.datetime import TimestamptzLoader

from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.errors import BadSetting, Unavailable

CONNECT_SECONDS = 10
QUERY_SECONDS = 30
"""The longest that one statement may take, and that a silent connection is believed in."""

RDS_BUNDLE = "/etc/ssl/certs/rds-global-bundle.pem"
"""Where the image keeps the authorities of RDS."""

_KEYWORDS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()} | {"ssl"}
"""Of libpq's URLs; `ssl=true` is JDBC's spelling, which libpq accepts."""

_SETTING = "TESTFLEET_DATABASE_URL"

# Per transaction: behind a pooler the next one has another session, and the session another client.
_SETTINGS = f"SET LOCAL statement_timeout = {QUERY_SECONDS * 1000}; SET LOCAL timezone = 'UTC'".encode()


class _Lenient(TimestamptzLoader):
    """Loads a time that Python has no value for (after the year 9999, infinity) as None."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return None


class Connection:
    """One open connection; each statement is its own transaction."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the statement returns; times are in UTC.

        Raises:
            Unavailable: the server has gone, or the statement took too long.
            BadSetting: the database has none of our tables, or refuses us.
        """
        with _translated(), self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_SETTINGS)
            return cursor.execute(sql.encode(), values).fetchall()


@dataclass(frozen=True, slots=True)
class Database:
    """Where the results are and how to log in.

    `auth` is `password` (whatever the URL or libpq's environment holds) or `iam`: each connection signs a fresh RDS
    token and verifies TLS against `authorities`.
    """

    url: str = field(repr=False)  # it may hold a password
    auth: Literal["password", "iam"] = "password"

    @property
    def authorities(self) -> str:
        """The PEM file of those who may vouch for the server: `sslrootcert` of the URL, `PGSSLROOTCERT`, RDS's bundle.

        Raises:
            BadSetting: the URL is none that libpq understands.
        """
        return str(self._parameters().get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or RDS_BUNDLE)

    def open(self) -> psycopg.Connection[TupleRow]:
        """A connection whose silence is noticed; the caller bounds its statements.

        Raises:
            Unavailable: no server answers there, or it does not let us in.
            BadSetting: the URL is none that libpq understands.
        """
        parameters = self._parameters()
        parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        parameters.setdefault("tcp_user_timeout", QUERY_SECONDS * 1000)
        if self.auth == "iam":
            parameters |= {
                "password": _rds_token(parameters),
                "sslmode": "verify-full",
                "sslrootcert": self.authorities,
            }
        try:
            # A prepared statement would stay in a pooler's session.
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
        """An open connection for as long as the block lasts.

        Raises:
            Unavailable, BadSetting: as `open`.
        """
        with closing(self.open()) as connection:
            with _translated():
                connection.autocommit = True
                connection.adapters.register_loader("timestamptz", _Lenient)
            yield Connection(connection)


def _parameter_names(url: str) -> set[str]:
    """The names before the equals signs; one that is no identifier may be part of a password."""
    names = {unquote(pair.partition("=")[0]) for pair in urlsplit(url).query.split("&") if "=" in pair}
    return {name for name in names if name.isidentifier()}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
    ) as error:
        raise BadSetting(f"{_SETTING}: the tables are missing or old there; run: testfleet migrate") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"database: {one_line(error)}") from error
    except psycopg.Error as error:
        raise BadSetting(f"{_SETTING}: {one_line(error)}") from error


def _rds_token(parameters: Mapping[str, Any]) -> str:
    """A password for the next 15 minutes, signed locally; see "IAM database authentication" in the RDS guide."""
    import boto3  # noqa: PLC0415  # half of a second that password users need not wait
    from botocore import exceptions  # noqa: PLC0415  # likewise

    if not parameters.get("host") or not parameters.get("user"):
        raise BadSetting(f"{_SETTING}: must name host and user where TESTFLEET_DATABASE_AUTH is iam")
    try:
        token: str = (
            boto3.Session()
            .client("rds", region_name=aws_region())
            .generate_db_auth_token(
                DBHostname=parameters["host"], Port=int(parameters.get("port", 5432)), DBUsername=parameters["user"]
            )
        )
    except (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
    ) as error:  # whoever hands out our credentials does not answer
        raise Unavailable(f"TESTFLEET_DATABASE_AUTH: no RDS token could be signed: {one_line(error)}") from error
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise BadSetting(f"TESTFLEET_DATABASE_AUTH: no RDS token could be signed: {one_line(error)}") from error
    return token
