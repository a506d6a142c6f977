"""What one message asks for: read, claimed, run, and told to the reporter."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from handoff.message import InvalidMessage, JobMessage, ParsedMessage
from handoff.records import Outcome, Receipt, Run
from runtime.waiting import in_thread, until_stopped
from worker import disposition, exit_codes
from worker.catalog import Suite
from worker.disposition import Disposition
from worker.errors import ReporterSilent, SecretUnusable
from worker.queue import Message
from worker.secrets import Secrets
from worker.sidecar import Sidecar
from worker.suite import execution
from worker.suite.execution import AdmittedShard, SuiteHost

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handler:
    """Where a message is seen through."""

    sidecar: Sidecar
    secrets: Secrets
    suites: Mapping[str, Suite]
    host: SuiteHost
    base_url: str | None = None
    """Target of a job that names none."""

    async def handle(self, message: Message, stop: asyncio.Event) -> Disposition:
        """From the message's body to the reporter's receipt.

        Raises:
            Stopped: `stop` was set before the shard was admitted.
            TryAgain: the reporter or Secrets Manager did not answer.
            InvalidInput: a file of the reporter's is no record; the suite is stopped.
            OSError: the shared volume is full or gone.
        """
        try:
            parsed = ParsedMessage.from_body(message.body, message_id=message.message_id)
            suite = self._suite(parsed.job)
        except InvalidMessage as error:
            return await self._reject(message, error, stop)
        job = parsed.job
        if job.target_url is None:
            job = job.model_copy(update={"target_url": self.base_url})
        structlog.contextvars.bind_contextvars(run_id=job.run_id, shard=str(job.shard))
        if parsed.unknown_fields:
            log.warning("unknown_fields_ignored", fields=parsed.unknown_fields)
        secret = await until_stopped(stop, self._secret(suite))
        if isinstance(secret, Mapping) and secret:
            self.sidecar.write_mask(secret.values())
        self.sidecar.write_job(message, job)
        decision = await until_stopped(stop, self.sidecar.admission())
        log.info("admission", **decision.model_dump(exclude={"version"}))
        disposed = disposition.on_admission(decision, receive_count=message.receive_count)
        if disposed is not None:
            return disposed
        if isinstance(decision, Run):
            structlog.contextvars.bind_contextvars(attempt=decision.attempt)
        return await self._run(suite, job, secret, stop)

    def _suite(self, job: JobMessage) -> Suite:
        suite = self.suites.get(job.suite)
        if suite is None:
            allowed = f"must be one of {', '.join(sorted(self.suites))}"
            raise InvalidMessage("suite", allowed, reason="unknown_suite", run_id=job.run_id, suite=job.suite)
        return suite

    async def _reject(self, message: Message, problem: InvalidMessage, stop: asyncio.Event) -> Disposition:
        """Return the rejection. If the message names its run, the reporter records it there first."""
        rejection = disposition.Reject(problem.reason, str(problem))
        log.warning("message_invalid", reason=rejection.reason, detail=rejection.detail, for_run=problem.run_id)
        if problem.run_id is None:
            return Disposition(rejection, exit_codes.HANDLED)
        structlog.contextvars.bind_contextvars(run_id=problem.run_id)
        self.sidecar.write_invalid_job(message, problem, run_id=problem.run_id)
        receipt = await until_stopped(stop, self.sidecar.receipt())
        log.info("receipt", **receipt.model_dump(exclude={"version"}))
        return disposition.on_rejection_receipt(receipt, rejection)

    async def _secret(self, suite: Suite) -> Mapping[str, str] | SecretUnusable:
        if suite.secret is None:
            return {}
        try:
            return await in_thread(partial(self.secrets.environment, suite.secret))
        except SecretUnusable as error:  # once it is admitted, the run says so
            return error

    async def _run(
        self, suite: Suite, job: JobMessage, secret: Mapping[str, str] | SecretUnusable, stop: asyncio.Event
    ) -> Disposition:
        ended: Outcome | Receipt
        if isinstance(secret, SecretUnusable):
            now = datetime.now(UTC)
            ended = Outcome(ending="failed_to_start", detail=str(secret), started_at=now, finished_at=now)
        else:
            ended = await execution.run(AdmittedShard(suite, job, secret), self.host, stop)
        if isinstance(ended, Receipt):
            log.warning("receipt_in_mid_suite", **ended.root.model_dump(exclude={"version"}))
            return disposition.on_receipt(ended.root, interrupted=False)
        log.info("suite_ended", ending=ended.ending, exit_code=ended.exit_code, detail=ended.detail)
        self.sidecar.write_outcome(ended)
        return await self._receipt(interrupted=ended.ending == "interrupted")

    async def _receipt(self, *, interrupted: bool) -> Disposition:
        """What the receipt means. From here on SIGTERM changes nothing: the commit is let finish."""
        try:
            receipt = await self.sidecar.receipt(limit=self.host.stop_grace if interrupted else None)
        except ReporterSilent as error:
            log.warning("reporter_silent", detail=str(error))
            return disposition.on_silence(str(error), interrupted=interrupted)
        log.info("receipt", **receipt.model_dump(exclude={"version"}))
        return disposition.on_receipt(receipt, interrupted=interrupted)
