"""Settings, wiring, exit code."""

import asyncio
import sys
from contextlib import AsyncExitStack

import structlog

from handoff import logs
from handoff.errors import InvalidInput
from handoff.settings import load
from reporter import aws, database
from reporter.lifecycle.session import Session
from reporter.lifecycle.stop import Stop
from reporter.settings import ReporterSettings

EX_CONFIG = 78
"""sysexits.h: a setting is wrong. Nothing was done."""


def start(stop: Stop) -> int:
    """Run the reporter until it is stopped, and give its exit code."""
    try:
        settings = load(ReporterSettings)
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(_run(settings, stop))
    except InvalidInput as error:
        print(f"reporter: {error}", file=sys.stderr)  # noqa: T201  # the one line for whoever deploys it
        return EX_CONFIG
    return 0


async def _run(settings: ReporterSettings, stop: Stop) -> None:
    stopped = stop.bind()
    url = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        token, ca = None, None
        if settings.database_auth == "iam":
            token, ca = await stack.enter_async_context(aws.rds_tokens(url)), settings.database_ca
        results = await stack.enter_async_context(database.connect(url, token=token, ca=ca))
        bucket = await stack.enter_async_context(aws.bucket(settings.bucket))
        await Session(settings, results, bucket).run(stopped)
    # The kubelet would start a sidecar that exits again and again; this one waits, and holds no connection.
    await stopped.wait()
    structlog.get_logger().info("stopped")
