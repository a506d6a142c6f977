"""`python -m reporter.sweep`: ends abandoned shards. `testfleet sweep` starts it with the evidence of the queues.

stdin is one JSON object: `olderThan` and `retention` in seconds, `empty`, and `dead`, pairs of run id and shard.
stdout has one JSON object for each changed run: `runId`, `shards`, `status`, `metrics`. `metrics` is the line of
CloudWatch's Embedded Metric Format if the run got its verdict.
"""

import asyncio
import json
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from reporter import exit_codes, login, metrics
from reporter.errors import OutOfReach, Refused
from reporter.results.abandonment import QueueEvidence
from reporter.results.sweep import Swept, sweep
from reporter.settings import ReporterSettings
from runtime import logs
from runtime.errors import InvalidInput
from runtime.settings import load


class SweepSettings(ReporterSettings):
    """The reporter's settings. A sweep uses no bucket."""

    bucket: str = "unused"


def main() -> int:
    """Sweep once and return the exit code; an error is one line on stderr."""
    try:
        settings = load(SweepSettings)
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(_sweep(settings, _evidence(json.load(sys.stdin))))
    except (InvalidInput, Refused) as error:
        return _fail(error, exit_codes.BAD_CONFIGURATION)
    except OutOfReach as error:
        return _fail(error, exit_codes.TRY_AGAIN)
    return 0


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"reporter: {error}\n")
    return code


def _evidence(given: dict[str, Any]) -> QueueEvidence:
    return QueueEvidence(
        older_than=float(given["olderThan"]),
        dead=frozenset((run_id, shard) for run_id, shard in given["dead"]),
        empty=bool(given["empty"]),
        retention=float(given["retention"]),
    )


async def _sweep(settings: SweepSettings, evidence: QueueEvidence) -> None:
    async with login.results(settings) as results, aclosing(sweep(results, evidence)) as swept:
        async for one in swept:
            _print(one)


def _print(swept: Swept) -> None:
    line = {
        "runId": swept.run_id,
        "shards": [{"shard": one.shard, "detail": one.detail} for one in swept.shards],
        "status": swept.verdict.status if swept.verdict else None,
        "metrics": metrics.line(swept.verdict, datetime.now(UTC)) if swept.verdict else None,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
