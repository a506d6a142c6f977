"""PostgreSQL: the only module that knows asyncpg, and the one owner of retries against the database."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import asyncpg
import asyncpg.pool
import structlog
import tenacity

from reporter.errors import DatabaseOutOfReach, DatabaseRefused

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Row: TypeAlias = asyncpg.Record
T = TypeVar("T")
Password = Callable[[], Awaitable[str]]

CONNECTIONS = 3
"""One that writes results, one that renews the lease meanwhile, one in reserve for a connection that dies."""
CONNECT_SECONDS = 15
CLOSE_SECONDS = 5
STATEMENT_SECONDS = 90
"""A silent server is given up after this; also how long one wait for another shard's commit may last."""

_SESSION = {
    "application_name": "testfleet-reporter",
    # The locks of a node that vanished must not outlive it: the server notices within about a minute.
    "idle_in_transaction_session_timeout": "120s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

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
    """Runs steps on a small pool. A step may be run again from its start and must change nothing the second time."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def run(self, step: Callable[[Connection], Awaitable[T]], *, patience: float) -> T:
        """Run the step on a connection of its own; where that fails for a passing reason, run it again.

        `patience` is how many seconds may have gone by when it is tried once more; 0 tries once.

        Raises:
            DatabaseOutOfReach: it still failed for a passing reason when the patience was over.
            DatabaseRefused: PostgreSQL refused it.
            Exception: whatever the step raises itself.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(DatabaseOutOfReach),
            stop=tenacity.stop_after_delay(patience),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=_tell,
            reraise=True,
        )
        return await retrying(self._once, step)

    async def _once(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                return await step(connection)
        except (*_RETRY, *_REFUSED) as error:
            translated = _translate(error)
            if isinstance(translated, DatabaseOutOfReach):
                await self._pool.expire_connections()  # a name may mean another server after a failover
            raise translated from error


def _translate(error: BaseException) -> DatabaseOutOfReach | DatabaseRefused:
    text = " ".join(str(error).split()) or type(error).__name__
    bad_input = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)  # a value, or the URL
    if bad_input or isinstance(error, ssl.SSLCertVerificationError) or not isinstance(error, _RETRY):
        return DatabaseRefused(f"the database can't be used: {text}")
    return DatabaseOutOfReach(f"the database is out of reach: {text}")


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("database_retry", detail=str(error), tries=state.attempt_number)


@asynccontextmanager
async def connect(
    url: str, *, token: Password | None = None, ca: Path | None = None, statement_seconds: float = STATEMENT_SECONDS
) -> AsyncIterator[Database]:
    """A database whose connections are made when they are needed: nothing is asked of the server yet.

    With `token`, each new connection asks it for a password of its own and verifies the server's certificate and
    host name against the authorities in `ca` (libpq's `verify-full`). Without, the URL says it all.
    """
    secure: dict[str, Any] = {}
    if token is not None:
        secure = {"password": token, "ssl": ssl.create_default_context(cafile=ca)}
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=CONNECTIONS,
        timeout=CONNECT_SECONDS,
        command_timeout=statement_seconds,
        server_settings=_SESSION,
        **secure,
    )
    await pool
    try:
        yield Database(pool)
    finally:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()
