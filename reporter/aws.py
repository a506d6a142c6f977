"""AWS: the only module that imports its SDK. Clients, the meaning of their errors, and RDS tokens."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from reporter.errors import DatabaseOutOfReach, DatabaseRefused
from runtime.errors import InvalidInput
from runtime.settings import aws_region
from runtime.text import one_line

AwsError = (ClientError, BotoCoreError)
"""The errors that the SDK raises: AWS answered with an error, or did not answer."""

# aiobotocore would print each error to stderr and raise it, too. botocore and boto3 print nothing by themselves.
logging.getLogger("aiobotocore").addHandler(logging.NullHandler())

_TIMEOUTS = Config(connect_timeout=10, read_timeout=60)
_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 5})
_NO_RETRIES = Config(retries={"total_max_attempts": 1})
_SERVER_ERROR = 500
_PASSING = {
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "RequestTimeTooSkewed",
    "ExpiredToken",
    "InternalError",  # S3 may send it with status 200
    "ServiceUnavailable",
}


@asynccontextmanager
async def client(service: str, *, retries: bool = True) -> AsyncIterator[Any]:
    """Open the SDK's client of a service, with the SDK's own chain of region, endpoint and credentials.

    With `retries=False`, the caller repeats failed requests itself.

    Raises:
        InvalidInput: AWS_ENDPOINT_URL is no URL.
    """
    config = _TIMEOUTS.merge(_RETRIES if retries else _NO_RETRIES)
    async with AsyncExitStack() as stack:
        try:
            session = aioboto3.Session(region_name=aws_region())
            opened = await stack.enter_async_context(session.client(service, config=config))
        except BotoCoreError:  # a wrong region is a ValueError, too
            raise
        except ValueError as error:
            raise InvalidInput("AWS_ENDPOINT_URL", "must be an http:// or https:// URL") from error
        yield opened


def is_final(error: Exception) -> bool:
    """Return whether AWS understood the request and refused it, so that the same request is refused again."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status < _SERVER_ERROR and error.response.get("Error", {}).get("Code") not in _PASSING


def refusal(error: Exception, setting: str, allowed: str) -> InvalidInput:
    """Return the error for a refusal. STS may refuse the role before the service gets a request."""
    if isinstance(error, ClientError) and error.operation_name == "AssumeRoleWithWebIdentity":
        return InvalidInput("AWS_ROLE_ARN", f"must be a role that this pod's token may take: {one_line(error)}")
    return InvalidInput(setting, f"{allowed} ({one_line(error)})")


@asynccontextmanager
async def rds_tokens(database_url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Return a function that signs a token for one login as the URL's user. RDS accepts the token for 15 minutes.

    Signing is local, except that the SDK sometimes renews its credentials over the network.

    Raises:
        InvalidInput: the SDK has no region.
    """
    url = urlsplit(database_url)
    login = {"DBHostname": url.hostname, "Port": url.port or 5432, "DBUsername": unquote(url.username or "")}
    try:
        async with client("rds") as rds:

            async def sign() -> str:
                try:
                    token: str = await rds.generate_db_auth_token(**login)
                except AwsError as error:
                    kind = DatabaseRefused if is_final(error) else DatabaseOutOfReach
                    raise kind(f"no token could be signed for the database: {one_line(error)}") from error
                return token

            yield sign
    except NoRegionError as error:
        raise InvalidInput("AWS_REGION", "must name a region if REPORTER_DATABASE_AUTH is iam") from error
