"""PostgreSQL: the only module that knows asyncpg, and the one owner of retries against the database."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import asyncpg
import asyncpg.pool
import asyncpg.transaction
import structlog
import tenacity

from reporter.errors import DatabaseOutOfReach, DatabaseRefused
from reporter.results import database_url

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Row: TypeAlias = asyncpg.Record
T = TypeVar("T")
Password = Callable[[], Awaitable[str]]

CONNECTIONS = 3
"""One that writes results, one that renews the lease meanwhile, one in reserve for a connection that dies."""
CONNECT_SECONDS = 15
CLOSE_SECONDS = 5
ROLLBACK_SECONDS = 2
"""A server that does not confirm a rollback within this loses the connection, and then rolls back by itself."""
STATEMENT_SECONDS = 90
"""A silent server is given up after this; also how long one wait for another shard's commit may last."""

# Per transaction, as a pooler in transaction mode keeps no session, and RDS Proxy refuses start-up parameters.
# The locks of a node that vanished must not outlive it: the server notices within about a minute.
_NAME = "SET LOCAL application_name = 'testfleet-reporter';"
_SETTINGS = """
SET LOCAL idle_in_transaction_session_timeout = '120s';
SET LOCAL tcp_keepalives_idle = 30;
SET LOCAL tcp_keepalives_interval = 10;
SET LOCAL tcp_keepalives_count = 3
"""

_RETRY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the connection was closed under us
    asyncpg.InternalClientError,  # likewise, in the middle of an answer
    asyncpg.TransactionRollbackError,  # deadlock, serialization failure
    asyncpg.ReadOnlySQLTransactionError,  # after a failover the old writer is a reader
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.OperatorInterventionError,  # shutdown, crash, starting up
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,  # RDS says this too when it throttles token logins
    OSError,  # includes TimeoutError and a name that does not resolve
)
_REFUSED = (
    ssl.SSLCertVerificationError,  # an OSError that time does not heal
    asyncpg.PostgresError,
)

_log = structlog.get_logger()


class Database:
    """Runs steps on a small pool, each in one transaction.

    A step may be run again from its start and must change nothing the second time. It may leave nothing in the
    session: behind a pooler the next transaction has another one.

    `patience` is how many seconds after its start a step may still be retried; 0 runs it once.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        patience: float = 0,
        connect_seconds: float = CONNECT_SECONDS,
        settings: str = _NAME + _SETTINGS,
    ) -> None:
        self._pool = pool
        self._patience = patience
        self._connect_seconds = connect_seconds
        self._settings = settings

    async def run(self, step: Callable[[Connection], Awaitable[T]], *, patience: float | None = None) -> T:
        """Run the step in its own transaction. Retry it if it fails for a passing reason.

        `patience` replaces that of the database for this step.

        Raises:
            DatabaseOutOfReach: the step still failed for a passing reason when the patience ended.
            DatabaseRefused: PostgreSQL refused it.
            Exception: any error that the step raises itself.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(DatabaseOutOfReach),
            stop=tenacity.stop_after_delay(self._patience if patience is None else patience),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=_log_retry,
            reraise=True,
        )
        return await retrying(self._once, step)

    async def _once(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            connection = await self._pool.acquire(timeout=self._connect_seconds)
            try:
                return await _in_transaction(connection, step, self._settings)
            finally:
                await self._pool.release(connection, timeout=ROLLBACK_SECONDS)
        except (*_RETRY, *_REFUSED) as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # The clean-up of a silent connection failed and took the cancellation's place; a loop would go on.
                raise asyncio.CancelledError from error
            translated = _translate(error)
            if isinstance(translated, DatabaseOutOfReach):
                await self._pool.expire_connections()  # a name may mean another server after a failover
            raise translated from error


async def _in_transaction(connection: Connection, step: Callable[[Connection], Awaitable[T]], settings: str) -> T:
    transaction = connection.transaction()
    try:
        await transaction.start()
        await connection.execute(settings)
        result = await step(connection)
    except BaseException:
        await _roll_back(connection, transaction)
        raise
    await transaction.commit()
    return result


async def _roll_back(connection: Connection, transaction: asyncpg.transaction.Transaction) -> None:
    """Roll back within `ROLLBACK_SECONDS`, or close the connection, which has the same effect on the server."""
    try:
        async with asyncio.timeout(ROLLBACK_SECONDS):
            await transaction.rollback()
    except (*_RETRY, *_REFUSED):
        connection.terminate()


async def _keep(_: object) -> None:
    """Reset nothing between two transactions: the session holds no state of ours."""


def _translate(error: BaseException) -> DatabaseOutOfReach | DatabaseRefused:
    text = " ".join(str(error).split()) or type(error).__name__
    bad_input = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)  # a value, or the URL
    if bad_input or isinstance(error, ssl.SSLCertVerificationError) or not isinstance(error, _RETRY):
        return DatabaseRefused(f"the database can't be used: {text}")
    return DatabaseOutOfReach(f"the database is out of reach: {text}")


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("database_retry", detail=str(error), tries=state.attempt_number)


@asynccontextmanager
async def connect(
    url: str,
    *,
    patience: float,
    token: Password | None = None,
    ca: Path | None = None,
    statement_seconds: float = STATEMENT_SECONDS,
) -> AsyncIterator[Database]:
    """A database whose connections are made when they are needed: nothing is asked of the server yet.

    With `token`, each new connection asks it for a password of its own and verifies the server's certificate and
    host name against the authorities in `ca` (libpq's `verify-full`). Without, the URL says it all.
    """
    secure: dict[str, Any] = {}
    if token is not None:
        secure = {"password": token, "ssl": ssl.create_default_context(cafile=ca)}
    address = database_url.read(url)
    connect_seconds = address.connect_seconds or CONNECT_SECONDS
    settings = _SETTINGS if "application_name" in address.session else _NAME + _SETTINGS
    pool = asyncpg.create_pool(
        address.url,
        min_size=0,
        max_size=CONNECTIONS,
        timeout=connect_seconds,
        command_timeout=statement_seconds,
        statement_cache_size=0,  # behind a pooler in transaction mode, another session has prepared the statement
        reset=_keep,
        server_settings=dict(address.session),
        **secure,
    )
    await pool
    try:
        yield Database(pool, patience=patience, connect_seconds=connect_seconds, settings=settings)
    finally:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()
