"""The reporter's work for one pod, from `job.json` to `receipt.json`. A restarted reporter continues it."""

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from handoff import volume
from handoff.records import (
    Admission,
    Container,
    Decision,
    Failed,
    InvalidJob,
    JobRecord,
    Mask,
    Receipt,
    Result,
    Run,
    Unavailable,
    ValidJob,
)
from reporter.attempt import DROP_SECONDS, Attempt
from reporter.errors import OutOfReach, Refused, ReporterError
from reporter.fence import Fence
from reporter.files.bucket import Bucket
from reporter.owners import FileOwners
from reporter.progress import Steps
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results.admission import admit
from reporter.results.claim import Claimant, Pod, claim, read_holder, withdraw
from reporter.results.database import Database
from reporter.results.rejection import record_rejection
from reporter.settings import ReporterSettings
from runtime.errors import InvalidInput
from runtime.masking import Masking
from runtime.waiting import Stopped, until_stopped

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """One pod's handoff folder and the collaborators that serve it."""

    settings: ReporterSettings
    database: Database
    bucket: Bucket
    progress: Steps = field(default_factory=Steps)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve the worker until the receipt is written, no receipt is due, or `stop` is set.

        Raises:
            OSError: the handoff volume failed.
        """
        try:
            if volume.read(self.settings.handoff_dir, Receipt) is not None:
                _log.info("receipt_found")  # the reporter was restarted after its work
                return
            result = await self._reporting(self._serve(stop))
        except InvalidInput as error:
            result = Failed(detail=str(error))
        if result is not None:
            await asyncio.to_thread(volume.write, self.settings.handoff_dir, Receipt(result))
            _log.info("receipt_written", **result.model_dump(exclude={"version"}))

    async def _reporting(self, serving: Coroutine[Any, Any, Result | None]) -> Result | None:
        """Serve, and write `progress.json` at the same time."""
        reporting = asyncio.create_task(self.progress.report(self.settings.handoff_dir))
        try:
            return await serving
        finally:
            reporting.cancel()
            await asyncio.wait({reporting})

    async def _serve(self, stop: asyncio.Event) -> Result | None:
        try:
            record = await until_stopped(stop, volume.wait_for(self.settings.handoff_dir, JobRecord, timeout=math.inf))
        except Stopped:
            return None
        received = record.root
        structlog.contextvars.bind_contextvars(message_id=received.message_id)
        if isinstance(received, InvalidJob):
            return await self._reject(received)
        decision = await self._admit(received, stop)
        if not isinstance(decision, Run):
            return None
        structlog.contextvars.bind_contextvars(attempt=decision.attempt)
        return await self._attempt(received, decision, stop)

    async def _reject(self, invalid: InvalidJob) -> Result:
        structlog.contextvars.bind_contextvars(run_id=invalid.run_id)
        try:
            return await record_rejection(self.database, invalid)
        except ReporterError as error:
            return Failed(detail=str(error))

    async def _admit(self, received: ValidJob, stop: asyncio.Event) -> Decision | None:
        """Return the decision that is already in `admission.json`, or claim the shard and write it."""
        job = received.job
        structlog.contextvars.bind_contextvars(run_id=job.run_id, shard=str(job.shard))
        standing = volume.read(self.settings.handoff_dir, Admission)
        if standing is not None:
            _log.info("admission_found", decision=standing.root.decision)
            return standing.root
        claimant = Claimant(
            job=job,
            claim_id=received.claim_id,
            message_id=received.message_id,
            worker=received.worker,
            pod=_pod(received.container, self.settings),
        )
        try:
            decision = await until_stopped(stop, self._claim(claimant))
        except Stopped:
            await self._withdraw(claimant)
            return None
        await asyncio.to_thread(volume.write, self.settings.handoff_dir, Admission(decision))
        _log.info("admission_written", **decision.model_dump(exclude={"version"}))
        return decision

    async def _claim(self, claimant: Claimant) -> Decision:
        lease = self.settings.lease
        try:
            return await admit(
                partial(claim, self.database, claimant, lease=lease),
                partial(read_holder, self.database, claimant),
                lease=lease,
                progress=self.progress,
            )
        except (OutOfReach, Refused) as error:
            return Unavailable(detail=str(error))

    async def _withdraw(self, claimant: Claimant) -> None:
        """Release the lease that a claim cancelled by SIGTERM may have acquired."""
        try:
            async with asyncio.timeout(DROP_SECONDS):
                await withdraw(self.database, claimant)
        except (ReporterError, TimeoutError) as error:
            _log.warning("claim_not_given_back", detail=str(error))

    def _mask(self) -> Masking:
        """Return the mask with the values of the suite's secret, which every stored text needs.

        Raises:
            InvalidInput: the file exists and can't be read, or is not a valid record.
        """
        try:
            record = volume.read(self.settings.handoff_dir, Mask)
        except OSError as error:
            raise InvalidInput(Mask.FILE, f"must be readable by the reporter's user: {error.strerror}") from error
        return Masking(record.values if record else ())

    async def _attempt(self, received: ValidJob, admitted: Run, stop: asyncio.Event) -> Result:
        job = received.job
        with Reader(Reports(self.settings.artifacts_dir, self._mask())) as reader:
            attempt = Attempt(
                fence=Fence(job.run_id, job.shard, admitted.attempt),
                database=self.database,
                bucket=self.bucket,
                reader=reader,
                handoff_dir=self.settings.handoff_dir,
                artifacts_dir=self.settings.artifacts_dir,
                lease=self.settings.lease,
                progress=self.progress,
                reviewed=received.quarantine,
                owners=FileOwners.of(received.owners) if received.owners else None,
            )
            return await attempt.run(stop)


def _pod(worker: Container, reporter: ReporterSettings) -> Pod:
    """Return the pod of both containers. A sum is unknown if one of its parts is."""
    return Pod(
        image_digest=worker.image and worker.image.rpartition("@")[2],
        cpu_millis=_sum(worker.cpu_millis, reporter.cpu_millis),
        memory_mib=_sum(worker.memory_mib, reporter.memory_mib),
    )


def _sum(worker: int | None, reporter: int | None) -> int | None:
    return None if worker is None or reporter is None else worker + reporter
