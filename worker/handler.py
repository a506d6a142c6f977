"""Handle one message: parse it, have its shard claimed, run the suite and wait for the receipt."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from handoff.message import InvalidMessage, JobMessage, ParsedMessage
from handoff.records import Outcome, Owners, QuarantinedCase, Receipt, Run
from runtime.waiting import in_thread, until_stopped
from worker import exit_codes
from worker.catalog import Suite
from worker.disposition import Disposition, Reject, on_admission, on_receipt, on_rejection_receipt, on_silence
from worker.errors import ReporterSilent, SecretUnusable
from worker.queue import Message
from worker.secrets import Secrets
from worker.sidecar import Sidecar
from worker.suite import execution
from worker.suite.execution import AdmittedShard, SuiteHost

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handler:
    """Handles messages. `base_url` is the target of a job that names none. `quarantine` has the cases of each suite.

    `owners` returns the owners of a suite's files.
    """

    sidecar: Sidecar
    secrets: Secrets
    suites: Mapping[str, Suite]
    host: SuiteHost
    base_url: str | None = None
    quarantine: Mapping[str, tuple[QuarantinedCase, ...]] = field(default_factory=dict)
    owners: Callable[[Suite], Owners | None] = lambda _: None

    async def handle(self, message: Message, stop: asyncio.Event) -> Disposition:
        """Handle the message and return its disposition.

        Raises:
            Stopped: `stop` was set before the shard was admitted.
            TryAgain: the reporter or Secrets Manager did not answer.
            InvalidInput: a file of the reporter is no valid record. The suite is stopped.
            OSError: the shared volume is full or missing.
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
        self.sidecar.write_job(message, job, self.quarantine.get(suite.name, ()), self.owners(suite))
        finding = asyncio.ensure_future(execution.tools(suite, self.host))  # takes no longer than the claim, as a rule
        try:
            decision = await until_stopped(stop, self.sidecar.admission())
            log.info("admission", **decision.model_dump(exclude={"version"}))
            disposition = on_admission(decision, receive_count=message.receive_count)
            if disposition is not None:
                return disposition
            if isinstance(decision, Run):
                structlog.contextvars.bind_contextvars(attempt=decision.attempt)
            tools = await finding
        finally:
            finding.cancel()
        return await self._run(suite, job, secret, tools, stop)

    def _suite(self, job: JobMessage) -> Suite:
        suite = self.suites.get(job.suite)
        if suite is None:
            allowed = f"must be one of {', '.join(sorted(self.suites))}"
            raise InvalidMessage("suite", allowed, reason="unknown_suite", run_id=job.run_id, suite=job.suite)
        return suite

    async def _reject(self, message: Message, problem: InvalidMessage, stop: asyncio.Event) -> Disposition:
        """Reject the message. If it names its run, the reporter first records the rejection there."""
        rejection = Reject(problem.reason, str(problem))
        log.warning("message_invalid", reason=rejection.reason, detail=rejection.detail, for_run=problem.run_id)
        if problem.run_id is None:
            return Disposition(rejection, exit_codes.HANDLED)
        structlog.contextvars.bind_contextvars(run_id=problem.run_id)
        self.sidecar.write_invalid_job(message, problem, run_id=problem.run_id)
        receipt = await until_stopped(stop, self.sidecar.receipt())
        log.info("receipt", **receipt.model_dump(exclude={"version"}))
        return on_rejection_receipt(receipt, rejection)

    async def _secret(self, suite: Suite) -> Mapping[str, str] | SecretUnusable:
        if suite.secret is None:
            return {}
        try:
            return await in_thread(partial(self.secrets.environment, suite.secret))
        except SecretUnusable as error:  # becomes the outcome once the shard is admitted
            return error

    async def _run(
        self,
        suite: Suite,
        job: JobMessage,
        secret: Mapping[str, str] | SecretUnusable,
        tools: Mapping[str, str],
        stop: asyncio.Event,
    ) -> Disposition:
        ended: Outcome | Receipt
        if isinstance(secret, SecretUnusable):
            now = datetime.now(UTC)
            ended = Outcome(ending="failed_to_start", detail=str(secret), started_at=now, finished_at=now)
        else:
            ended = await execution.run(AdmittedShard(suite, job, secret), self.host, stop)
        if isinstance(ended, Receipt):
            log.warning("receipt_in_mid_suite", **ended.root.model_dump(exclude={"version"}))
            return on_receipt(ended.root, interrupted=False)
        log.info("suite_ended", ending=ended.ending, exit_code=ended.exit_code, detail=ended.detail)
        self.sidecar.write_outcome(ended.model_copy(update={"tools": tools}))
        return await self._receipt(interrupted=ended.ending == "interrupted")

    async def _receipt(self, *, interrupted: bool) -> Disposition:
        """Wait for the receipt and return its disposition. SIGTERM does not end this wait: the commit may finish."""
        try:
            receipt = await self.sidecar.receipt(limit=self.host.stop_grace if interrupted else None)
        except ReporterSilent as error:
            log.warning("reporter_silent", detail=str(error))
            return on_silence(str(error), interrupted=interrupted)
        log.info("receipt", **receipt.model_dump(exclude={"version"}))
        return on_receipt(receipt, interrupted=interrupted)
