"""Start-up of the reporter: settings, wiring, exit code."""

import asyncio
import sys

import structlog

from reporter import exit_codes, login
from reporter.errors import OutOfReach
from reporter.files.bucket import bucket, check_bucket
from reporter.session import Session
from reporter.settings import ReporterSettings
from runtime import logs
from runtime.errors import InvalidInput
from runtime.settings import load
from runtime.stop import Stop


def check() -> int:
    """Check the settings and the bucket. Write an error to stderr and return the exit code.

    The database is not checked: the claim waits for a database out of reach, and reports any other error.
    """
    try:
        asyncio.run(check_bucket(load(ReporterSettings).bucket))
    except InvalidInput as error:
        return _fail(error, exit_codes.BAD_CONFIGURATION)
    except OutOfReach as error:
        return _fail(error, exit_codes.TRY_AGAIN)
    return 0


def start(stop: Stop) -> int:
    """Run the reporter until SIGTERM and return its exit code."""
    try:
        settings = load(ReporterSettings)
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(_run(settings, stop))
    except InvalidInput as error:
        return _fail(error, exit_codes.BAD_CONFIGURATION)
    return 0


def _fail(error: InvalidInput | OutOfReach, exit_code: int) -> int:
    sys.stderr.write(f"reporter: {error}\n")
    return exit_code


async def _run(settings: ReporterSettings, stop: Stop) -> None:
    stopped = stop.bind()
    async with (
        login.results(settings) as results,
        bucket(settings.bucket, patience=settings.bucket_patience) as files,
    ):
        await Session(settings, results, files).run(stopped)
    # The kubelet restarts a sidecar that exits. The reporter therefore waits, without any connection.
    await stopped.wait()
    structlog.get_logger().info("stopped")
