"""The login of the reporter and of the sweep to PostgreSQL, as their settings describe it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from reporter import aws
from reporter.results import database
from reporter.results.database import Database
from reporter.settings import ReporterSettings


@asynccontextmanager
async def results(settings: ReporterSettings) -> AsyncIterator[Database]:
    """Open the database with the URL's password, or with IAM tokens and a verified certificate.

    Raises:
        InvalidInput: the IAM login has no region.
    """
    url = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        token, ca = None, None
        if settings.database_auth == "iam":
            token, ca = await stack.enter_async_context(aws.rds_tokens(url)), settings.database_ca
        connection = database.connect(url, patience=settings.database_patience, token=token, ca=ca)
        yield await stack.enter_async_context(connection)
