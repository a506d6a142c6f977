"""The worker's access to the reporter: the six files on the shared volume."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from handoff import volume
from handoff.message import InvalidMessage, JobMessage
from handoff.records import (
    Admission,
    Container,
    Decision,
    InvalidJob,
    JobRecord,
    Mask,
    Outcome,
    Owners,
    Progress,
    QuarantinedCase,
    Receipt,
    Result,
    ValidJob,
)
from worker.errors import ReporterSilent
from worker.queue import Message

F = TypeVar("F", Admission, Receipt)


class Sidecar:
    """Writes files for the reporter and waits for its files.

    `worker` is the pod's name, `container` describes the worker's container, and `claim_id` is random. `patience` is
    the seconds to wait for a file, counted from the reporter's last progress. Every method raises OSError if the volume
    is full or missing. A method that reads raises InvalidInput if a file is no valid record.
    """

    def __init__(
        self, folder: Path, *, worker: str, claim_id: str, patience: float, container: Container | None = None
    ) -> None:
        self._folder = folder
        self._worker = worker
        self._container = container or Container()
        self._claim_id = claim_id
        self._patience = patience

    def files(self) -> list[str]:
        """Return the names of the handoff's files that exist already."""
        kinds = (Mask, JobRecord, Admission, Outcome, Progress, Receipt)
        return [kind.FILE for kind in kinds if (self._folder / kind.FILE).exists()]

    def write_mask(self, values: Iterable[str]) -> None:
        """Write the values that the reporter must mask, before the job. Only this user may read the file."""
        volume.write(self._folder, Mask(values=tuple(values)), mode=0o600)

    def write_job(
        self,
        message: Message,
        job: JobMessage,
        quarantine: tuple[QuarantinedCase, ...] = (),
        owners: Owners | None = None,
    ) -> None:
        """Write the job, so that the reporter claims its shard. `quarantine` and `owners` are those of its suite."""
        valid = ValidJob(
            claim_id=self._claim_id,
            message_id=message.message_id,
            receive_count=message.receive_count,
            worker=self._worker,
            container=self._container,
            job=job,
            quarantine=quarantine,
            owners=owners,
        )
        volume.write(self._folder, JobRecord(valid))

    def write_invalid_job(self, message: Message, problem: InvalidMessage, *, run_id: str) -> None:
        """Write why the message can never succeed, so that the reporter records it in the run."""
        invalid = InvalidJob(
            message_id=message.message_id,
            run_id=run_id,
            suite=problem.suite,
            reason=problem.reason,
            detail=str(problem),
        )
        volume.write(self._folder, JobRecord(invalid))

    def write_outcome(self, outcome: Outcome) -> None:
        """Write the outcome. The suite's processes must have ended, and every file must be closed."""
        volume.write(self._folder, outcome)

    async def admission(self) -> Decision:
        """Wait for the admission and return it.

        Raises:
            ReporterSilent: the reporter neither answered nor advanced in time.
        """
        return (await self._wait_for(Admission, self._patience)).root

    async def receipt(self, *, limit: float | None = None) -> Result:
        """Wait for the receipt and return it. `limit` is the maximum wait in seconds, regardless of progress.

        Raises:
            ReporterSilent: the reporter neither answered nor advanced in time, or `limit` has passed.
        """
        if limit is None:
            return (await self._wait_for(Receipt, self._patience)).root
        try:
            return (await volume.wait_for(self._folder, Receipt, timeout=limit)).root
        except TimeoutError as error:
            raise ReporterSilent(f"{Receipt.FILE}: the reporter did not write it within {limit:g} s") from error

    async def _wait_for(self, kind: type[F], patience: float) -> F:
        """Wait for the record. Each growth of the progress beyond its maximum restarts the patience.

        The comparison with the maximum bounds the wait for a reporter that crashes repeatedly.
        """
        loop = asyncio.get_running_loop()
        furthest = self._progress()
        try:
            async with asyncio.timeout(patience) as deadline:
                while (record := volume.read(self._folder, kind)) is None:
                    await asyncio.sleep(volume.POLL_SECONDS)
                    if (progress := self._progress()) > furthest:
                        furthest = progress
                        deadline.reschedule(loop.time() + patience)
                return record
        except TimeoutError as error:
            raise ReporterSilent(
                f"{kind.FILE}: the reporter neither wrote it nor made progress within {patience:g} s"
            ) from error

    def _progress(self) -> int:
        progress = volume.read(self._folder, Progress)
        return 0 if progress is None else progress.count
