"""The sidecar as the worker sees it: four files on the shared volume."""

from pathlib import Path
from typing import TypeVar

from handoff import volume
from handoff.message import JobMessage
from handoff.records import Admission, Decision, JobRecord, Outcome, Receipt, Rejection, Result
from worker.errors import ReporterSilent
from worker.queue import Message

F = TypeVar("F", Admission, Receipt)


class Reporter:
    """Tells the reporter what there is to do, and hears what came of it.

    `worker` is the pod's name, `claim_id` random, `patience` the seconds to wait for each of its files. Every method
    raises OSError where the volume is full or gone, and what reads raises InvalidInput where a file is no record.
    """

    def __init__(self, folder: Path, *, worker: str, claim_id: str, patience: float) -> None:
        self._folder = folder
        self._worker = worker
        self._claim_id = claim_id
        self._patience = patience

    def files(self) -> list[str]:
        """Which of the four files are there already."""
        return [kind.FILE for kind in (JobRecord, Admission, Outcome, Receipt) if (self._folder / kind.FILE).exists()]

    def tell_job(self, message: Message, job: JobMessage) -> None:
        """Ask for the shard."""
        volume.write(self._folder, self._record(message, job=job))

    def tell_rejection(self, message: Message, rejection: Rejection) -> None:
        """Have a run recorded as errored that can never be run."""
        volume.write(self._folder, self._record(message, rejection=rejection))

    def tell_outcome(self, outcome: Outcome) -> None:
        """The suite and all its processes have ended, and every file is closed."""
        volume.write(self._folder, outcome)

    async def admission(self) -> Decision:
        """Whether the suite may start.

        Raises:
            ReporterSilent: there was no answer in time.
        """
        return (await self._wait_for(Admission, self._patience)).root

    async def receipt(self, *, limit: float | None = None) -> Result:
        """What became of the results; waits `limit` seconds where it is given.

        Raises:
            ReporterSilent: there was no answer in time.
        """
        return (await self._wait_for(Receipt, self._patience if limit is None else limit)).root

    async def _wait_for(self, kind: type[F], limit: float) -> F:
        try:
            return await volume.wait_for(self._folder, kind, timeout=limit)
        except TimeoutError as error:
            raise ReporterSilent(f"{kind.FILE}: the reporter did not write it within {limit:g} s") from error

    def _record(
        self, message: Message, *, job: JobMessage | None = None, rejection: Rejection | None = None
    ) -> JobRecord:
        return JobRecord(
            claim_id=self._claim_id,
            message_id=message.message_id,
            receive_count=message.receive_count,
            worker=self._worker,
            job=job,
            rejection=rejection,
        )
