"""The execution of one shard, from its runner's plan to the outcome."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from handoff import volume
from handoff.message import JobMessage
from handoff.records import Collection, Ending, FailedTests, Outcome, Receipt
from runtime.masking import Masking
from runtime.text import one_line
from runtime.waiting import Stopped, in_thread, race, until_stopped
from worker import runners
from worker.catalog import Suite
from worker.errors import WorkerError
from worker.runners import versions
from worker.runners.plan import Folders, NoTests, Plan
from worker.suite import collection, environment, log_masking, memory, space
from worker.suite.process import SuiteProcess
from worker.suite.process_tree import ProcessTree
from worker.suite.sandbox import Sandbox
from worker.suite.space import Limit

REPORT_SECONDS = 300
"""Maximum time in which a runner converts its tool's report into JUnit."""

REPORT_SECONDS_INTERRUPTED = 5
"""The same maximum for an interrupted suite, because the pod's grace period is running."""

SPACE_GRACE = 5
"""Maximum grace in seconds of a suite that overfills a volume. The kubelet may evict the pod at any moment."""

TOOLS_SECONDS = 8
"""Maximum time in which the versions of the suite's tools are found."""

LOGS = ("log/suite.log", "k6.log")
"""Files of the suite's output, relative to the artifacts folder."""

EMPTY_JUNIT = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites/>\n'

log = structlog.get_logger()

T = TypeVar("T")
Planner = Callable[[Suite, JobMessage, Folders], Plan | NoTests]


@dataclass(frozen=True, slots=True)
class AdmittedShard:
    """A shard that the reporter has admitted: its suite, its job and the variables of the suite's secret."""

    suite: Suite
    job: JobMessage
    secret: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SuiteHost:
    """What this pod provides to a suite. `environment` is the worker's own."""

    handoff: Path
    folders: Folders
    environment: Mapping[str, str]
    stop_grace: float
    """Seconds between SIGTERM and SIGKILL."""
    sandbox: Sandbox
    limits: tuple[Limit, ...] = ()
    memory_events: Path = memory.EVENTS
    """The file in which the kernel counts the container's OOM kills."""
    plan: Planner = runners.plan
    versions: Callable[[Suite], Mapping[str, str]] = versions.of_suite


@dataclass(frozen=True, slots=True)
class _Started:
    """A started shard. A shard without tests has no process."""

    process: SuiteProcess | None
    after: Callable[[], None] | None = None
    collection: Collection | None = None
    failed_tests: FailedTests = FailedTests()  # noqa: RUF009  # frozen


async def tools(suite: Suite, host: SuiteHost) -> Mapping[str, str]:
    """Return the versions of the suite's tools by name. No failure keeps the suite from its run.

    A file of the suite may be read, so the sandbox keeps it from being a link to a file of the worker.
    """
    try:
        async with asyncio.timeout(TOOLS_SECONDS):
            return await in_thread(partial(host.sandbox.call, partial(host.versions, suite)))
    except Exception as error:  # noqa: BLE001  # versions are only a description of the run
        log.warning("versions_not_found", detail=_reason(error))
        return {}


async def run(shard: AdmittedShard, host: SuiteHost, stop: asyncio.Event) -> Outcome | Receipt:
    """Run the shard until it ends, exceeds its timeout or a volume's limit, or `stop` is set.

    Return the outcome. The secret's values are masked in its detail and in the suite's logs. A receipt that the
    reporter writes while the suite runs stops the suite and is returned instead.

    Raises:
        InvalidInput, OSError: the receipt can't be read; the suite is stopped.
        Exception: the suite can no longer be watched; it is stopped and has no outcome.
    """
    return await _Execution(shard, host, stop).run()


class _Execution:
    def __init__(self, shard: AdmittedShard, host: SuiteHost, stop: asyncio.Event) -> None:
        self._shard = shard
        self._host = host
        self._stop = stop
        self._mask = Masking(shard.secret.values())
        self._tree = ProcessTree()
        self._killed_before = memory.oom_kills(host.memory_events)
        self._started_at = datetime.now(UTC)

    async def run(self) -> Outcome | Receipt:
        ended = await self._run()
        if isinstance(ended, Receipt):
            return ended
        # Nothing of an interrupted suite is uploaded, and its pod's grace period is running.
        problems = await self._mask_logs() if ended.ending != "interrupted" else ()
        detail = _joined(ended.detail, *problems)
        return ended.model_copy(
            update={"detail": detail and self._mask.text(detail), "finished_at": datetime.now(UTC)},
        )

    async def _run(self) -> Outcome | Receipt:
        try:
            started = await self._start()
        except Stopped:
            await in_thread(partial(self._tree.end, self._host.stop_grace))
            return self._outcome("interrupted")
        except Exception as error:  # any error of a runner must become the run's outcome
            await in_thread(partial(self._tree.end, self._host.stop_grace))
            detail = self._mask.text(_reason(error))
            foreseen = isinstance(error, WorkerError | OSError)
            log.warning("suite_not_started", detail=detail, exc_info=not foreseen)
            return self._outcome("failed_to_start", detail=detail)
        if started.process is None:
            return self._outcome("finished", exit_code=0, collected=started.collection)
        ended = await self._watch(started.process)
        if isinstance(ended, Receipt):
            return ended
        collected = started.collection or await self._collection()
        problem = await self._convert_report(started.after, interrupted=ended.ending == "interrupted")
        found = {"collection": collected, "failed_tests": started.failed_tests}
        return ended.model_copy(update={**found, "detail": _joined(ended.detail, problem)})

    async def _start(self) -> _Started:
        """Plan the shard and start its process."""
        suite, folders = self._shard.suite, self._host.folders
        logs = folders.artifacts / "log"
        for folder in (folders.junit, logs):
            folder.mkdir(parents=True, exist_ok=True)
        async with asyncio.timeout(suite.timeout):  # the runner may read the whole suite
            planning = self._in_sandbox(partial(self._host.plan, suite, self._shard.job, folders))
            planned = await until_stopped(self._stop, planning)
        if isinstance(planned, NoTests):
            folders.junit_file.write_text(EMPTY_JUNIT, encoding="utf-8")
            return _Started(None, collection=planned.collection)
        env = environment.of_suite(
            self._host.environment,
            runner=planned.env,
            suite=suite.env,
            secret=self._shard.secret,
            job=self._shard.job,
            folders=folders,
        )
        process = await self._in_sandbox(
            partial(
                SuiteProcess.start,
                planned.argv,
                cwd=planned.cwd,
                env=env,
                output=logs / "suite.log",
                tree=self._tree,
            )
        )
        log.info("suite_started", program=planned.argv[0], cwd=str(planned.cwd))
        return _Started(process, planned.after, planned.collection, planned.failed_tests)

    async def _watch(self, process: SuiteProcess) -> Outcome | Receipt:
        """Wait for the first reason to end the suite, end it, and return the outcome or the receipt."""
        host, timeout = self._host, self._shard.suite.timeout
        grace = host.stop_grace
        try:
            ended, stopped, receipt, full = await race(
                process.wait(),
                self._stop.wait(),
                volume.wait_for(host.handoff, Receipt, timeout=math.inf),  # the race has the deadline
                space.exceeded(host.limits),
                timeout=timeout,
            )
            if full:
                grace = min(grace, SPACE_GRACE)
        finally:
            await process.end(grace)
        if receipt and not ended:
            early: Receipt = receipt.result()
            return early
        out_of_memory = memory.killed_since(self._killed_before, host.memory_events)
        # Measure once more, so that the outcome does not depend on the time of the last measurement.
        too_much = full.result() if full else await in_thread(partial(space.check, host.limits)) if ended else None
        if stopped and not ended:
            return self._outcome("interrupted", process.exit_code, out_of_memory)
        if too_much:
            return self._outcome("out_of_space", process.exit_code, _joined(too_much, out_of_memory))
        if ended:
            return self._outcome("finished", process.exit_code, out_of_memory)
        limit = f"the suite ran longer than its timeout of {timeout:g} s"
        return self._outcome("timed_out", process.exit_code, _joined(limit, out_of_memory))

    async def _collection(self) -> Collection | None:
        """Return the record of the collected tests that the suite wrote."""
        return await self._in_sandbox(partial(collection.read, self._host.folders.collection_file))

    async def _convert_report(self, after: Callable[[], None] | None, *, interrupted: bool) -> str | None:
        """Convert the tool's report into JUnit, and return what went wrong.

        The runner reads files of the suite. The sandbox keeps it from following a link to where the suite may not read.
        """
        if after is None:
            return None
        try:
            async with asyncio.timeout(REPORT_SECONDS_INTERRUPTED if interrupted else REPORT_SECONDS):
                await self._in_sandbox(after)
        except Exception as error:  # noqa: BLE001  # the suite has ended, and its outcome must be recorded
            return f"no report: {_reason(error)}"
        return None

    async def _mask_logs(self) -> list[str]:
        """Mask the secret in the logs before they are uploaded, and return what went wrong."""
        problems = []
        for name in LOGS if self._mask else ():
            file = self._host.folders.artifacts / name
            try:
                await self._in_sandbox(partial(log_masking.rewrite, file, self._mask))
            except OSError as error:
                problems.append(f"{name} was removed, because the secret could not be masked: {_reason(error)}")
        return problems

    async def _in_sandbox(self, work: Callable[[], T]) -> T:
        return await in_thread(partial(self._host.sandbox.call, work))

    def _outcome(
        self,
        ending: Ending,
        exit_code: int | None = None,
        detail: str | None = None,
        collected: Collection | None = None,
    ) -> Outcome:
        return Outcome(
            ending=ending,
            exit_code=exit_code,
            detail=detail,
            started_at=self._started_at,
            finished_at=datetime.now(UTC),
            collection=collected,
        )


def _joined(*details: str | None) -> str | None:
    return "; ".join(filter(None, details)) or None


def _reason(error: Exception) -> str:
    timed_out = isinstance(error, TimeoutError) and not str(error)
    return "it took too long" if timed_out else one_line(error)
