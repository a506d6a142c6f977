"""PostgreSQL: the only module that imports asyncpg, and the only one that retries a transaction."""

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
"""One for results, one for the lease, and one in reserve for a broken connection."""
CONNECT_SECONDS = 15
CLOSE_SECONDS = 5
ROLLBACK_SECONDS = 2
"""Seconds for a rollback. Then the connection is closed, and the server rolls back by itself."""
STATEMENT_SECONDS = 90
"""Seconds until a statement without an answer fails. It also bounds the wait for another shard's commit."""

# Set in each transaction: a pooler in transaction mode keeps no session, and RDS Proxy refuses start-up parameters.
# Keepalives release the locks of a node that vanished within about a minute.
_NAME = "SET LOCAL application_name = 'testfleet-reporter';"
_SETTINGS = """
SET LOCAL idle_in_transaction_session_timeout = '120s';
SET LOCAL tcp_keepalives_idle = 30;
SET LOCAL tcp_keepalives_interval = 10;
SET LOCAL tcp_keepalives_count = 3
"""

_RETRY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the connection was closed
    asyncpg.InternalClientError,  # likewise, within an answer
    asyncpg.TransactionRollbackError,  # deadlock, serialization failure
    asyncpg.ReadOnlySQLTransactionError,  # after a failover the old writer is read-only
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.OperatorInterventionError,  # shutdown, crash, starting up
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,  # RDS also returns it when it throttles logins with a token
    OSError,  # includes TimeoutError and a name that does not resolve
)
_REFUSED = (
    ssl.SSLCertVerificationError,  # an OSError that a retry does not repair
    asyncpg.PostgresError,
)

_log = structlog.get_logger()


class Database:
    """Runs steps on a small pool, each in one transaction.

    A step may run twice, and must change nothing the second time. It must leave nothing in the session: behind a
    pooler, the next transaction has another session.

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
                # The clean-up of a silent connection failed and replaced the cancellation. The caller must still end.
                raise asyncio.CancelledError from error
            translated = _translate(error)
            if isinstance(translated, DatabaseOutOfReach):
                await self._pool.expire_connections()  # after a failover, a host name may resolve to another server
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
    """Roll back within `ROLLBACK_SECONDS`, or close the connection, which also rolls back."""
    try:
        async with asyncio.timeout(ROLLBACK_SECONDS):
            await transaction.rollback()
    except (*_RETRY, *_REFUSED):
        connection.terminate()


async def _keep(_: object) -> None:
    """Reset nothing between two transactions, because a step leaves nothing in the session."""


async def within(connection: Connection, seconds: float, part: Callable[[], Awaitable[object]]) -> bool:
    """Run a part of a step whose statements may take that long each. Return False if one took longer.

    Its changes are then undone, and those of the step stay. The server measures the time, so the connection stays.
    """
    try:
        async with connection.transaction():  # a savepoint; its rollback also restores the time-out
            await connection.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
            await part()
            await connection.execute("SET LOCAL statement_timeout = DEFAULT")
    except asyncpg.QueryCanceledError:
        return False
    return True


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
    """Open a database. The first step makes the first connection.

    `patience` is in seconds, as for `Database`. With `token`, each new connection calls it for a password, and verifies
    the server's certificate and host name against the authorities in `ca` (libpq's `verify-full`). Without `token`,
    the URL decides.
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
        statement_cache_size=0,  # behind a pooler in transaction mode, a statement may be prepared in another session
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
