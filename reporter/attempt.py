"""One attempt at a shard, from its admission to the result for its receipt."""

import asyncio
import math
import sys
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from handoff import records, volume
from handoff.records import Committed, Failed, Interrupted, Outcome, QuarantinedCase, Result
from reporter import metrics
from reporter.errors import Cancelled, OutOfReach, Refused, ReporterError, ReportsUnreadable, Superseded
from reporter.fence import Fence
from reporter.files.bucket import Bucket
from reporter.files.upload import upload
from reporter.junit.case import Case
from reporter.owners import FileOwners
from reporter.progress import Steps
from reporter.reports.reader import Reader
from reporter.results.case_rows import save
from reporter.results.claim import renew
from reporter.results.commit import commit
from reporter.results.database import Database
from reporter.results.fencing import check_cancellation
from reporter.results.interruption import interrupt, release_lease
from runtime.errors import InvalidInput
from runtime.waiting import Stopped, until_stopped, with_grace

TAIL_SECONDS = 0.5
"""Seconds between two reads of the growing reports, after which a dashboard shows the new cases."""
FLUSH_SECONDS = 20
"""Seconds for the final transaction after SIGTERM. The pod's grace period leaves 40 s for it."""
CANCEL_SECONDS = 5
"""Seconds between two checks for a cancelled run. LISTEN needs a session, which a transaction pooler does not keep."""
DROP_SECONDS = 10
"""Seconds to release the lease. After that, the lease expires by itself, and the worker need not wait."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt and its collaborators.

    `lease` and `flush` are in seconds. `reviewed` are the quarantines of the image's file, and `owners` those of its
    files.
    """

    fence: Fence
    database: Database
    bucket: Bucket
    reader: Reader
    handoff_dir: Path
    artifacts_dir: Path
    lease: int
    progress: Steps
    reviewed: tuple[QuarantinedCase, ...] = ()
    owners: FileOwners | None = None
    flush: float = FLUSH_SECONDS

    async def run(self, stop: asyncio.Event) -> Result:
        """Tail the reports until the suite ends or `stop` is set, then make the results durable.

        An error is not raised: the returned result describes it.
        """
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew())
                watching = group.create_task(self._watch_cancellation())
                outcome = await self._tail_until_outcome(stop)
                result = await self._end_within_flush(stop, outcome)
                renewing.cancel()
                watching.cancel()
        except ExceptionGroup as errors:
            return await self._explain(errors)
        return result

    async def _end_within_flush(self, stop: asyncio.Event, outcome: Outcome | None) -> Result:
        try:
            return await with_grace(self.flush, stop, self._end(outcome))
        except Stopped:
            return Failed(detail=f"the results were not durable {self.flush:g} s after SIGTERM")

    async def _renew(self) -> None:
        while True:  # also at the start: a restarted reporter may have lost its shard
            try:
                await renew(self.database, self.fence, lease=self.lease)
            except (OutOfReach, Refused) as error:
                _log.warning("lease_not_renewed", detail=str(error))  # the lease may still be valid
            await asyncio.sleep(self.lease / 3)

    async def _watch_cancellation(self) -> None:
        while True:
            await asyncio.sleep(CANCEL_SECONDS)
            try:
                await check_cancellation(self.database, self.fence)
            except (OutOfReach, Refused) as error:
                _log.debug("cancel_not_looked_up", detail=str(error))

    async def _tail_until_outcome(self, stop: asyncio.Event) -> Outcome | None:
        async with asyncio.TaskGroup() as group:
            tailing = group.create_task(self._tail())
            with suppress(Stopped):
                await until_stopped(stop, volume.wait_for(self.handoff_dir, Outcome, timeout=math.inf))
            tailing.cancel()  # the final pass reads the rest
        return volume.read(self.handoff_dir, Outcome)

    async def _tail(self) -> None:
        while True:
            try:
                async with aclosing(self.reader.poll()) as batches:
                    async for cases in batches:
                        await self._save(cases)
            except ReportsUnreadable as error:
                _log.warning("tail_postponed", detail=str(error))
            await asyncio.sleep(TAIL_SECONDS)

    async def _save(self, cases: list[Case]) -> None:
        try:
            await save(self.database, self.fence, cases)
        except (OutOfReach, Refused) as error:
            _log.warning("cases_postponed", cases=len(cases), detail=str(error))  # until the final pass

    async def _end(self, outcome: Outcome | None) -> Committed | Interrupted:
        if outcome is None or outcome.ending == "interrupted":
            return await interrupt(self.database, self.fence, self.reader, outcome)
        artifacts = await upload(self.bucket, self.artifacts_dir, self.fence, progress=self.progress)
        _log.info("artifacts_uploaded", artifacts=len(artifacts), bytes=sum(one.bytes for one in artifacts))
        completed = await commit(
            self.database,
            self.fence,
            self.reader,
            outcome,
            artifacts,
            reviewed=self.reviewed,
            owners=self.owners,
            progress=self.progress,
        )
        if completed.run is not None:
            _print_metrics(completed.run)
        return completed.receipt

    async def _explain(self, errors: ExceptionGroup[Exception]) -> Result:
        causes = _leaves(errors)
        if any(isinstance(cause, Cancelled) for cause in causes):
            return records.Cancelled()
        if any(isinstance(cause, Superseded) for cause in causes):
            return records.Superseded()
        cause = causes[0]
        if isinstance(cause, (ReporterError, InvalidInput)):
            detail = str(cause)
        else:
            detail = f"{type(cause).__name__}: {cause}"
            _log.error("attempt_broke", exc_info=cause)
        with suppress(ReporterError, TimeoutError):
            async with asyncio.timeout(DROP_SECONDS):
                await release_lease(self.database, self.fence, detail)
        return Failed(detail=detail)


def _print_metrics(run: metrics.FinishedRun) -> None:
    sys.stdout.write(metrics.line(run, datetime.now(UTC)) + "\n")  # CloudWatch's agent parses the log
    sys.stdout.flush()


def _leaves(errors: BaseExceptionGroup[Exception]) -> list[Exception]:
    leaves: list[Exception] = []
    for error in errors.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
