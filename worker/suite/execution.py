"""One shard of a suite from its plan to its end."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import structlog

from handoff import volume
from handoff.message import JobMessage
from handoff.records import Collection, Receipt
from runtime.masking import Masking
from runtime.text import one_line
from runtime.waiting import Stopped, in_thread, race, until_stopped
from worker.catalog import Suite
from worker.errors import WorkerError
from worker.runners.plan import CannotPlan, Folders, NoTests, Plan
from worker.suite import collection, environment, log_masking, memory, space
from worker.suite.process import SuiteProcess
from worker.suite.process_tree import ProcessTree
from worker.suite.sandbox import Sandbox
from worker.suite.space import Limit

REPORT_SECONDS = 300
"""Longest time that a runner may take to turn its tool's report into JUnit."""

REPORT_SECONDS_INTERRUPTED = 5
"""Likewise where the pod is going away, and its grace period is counted."""

SPACE_GRACE = 5
"""Longest grace in seconds of a suite that fills a volume: the kubelet measures, too."""

LOGS = ("log/suite.log", "k6.log")
"""The suite's output, among its artifacts."""

EMPTY_JUNIT = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites/>\n'

log = structlog.get_logger()

Planner = Callable[[Suite, JobMessage, Folders], Plan | NoTests]


@dataclass(frozen=True, slots=True)
class Pod:
    """The surroundings of a suite on this pod. `environment` is the worker's own; `stop_grace` is in seconds.

    `memory_events` is the file in which the kernel counts the container's OOM kills.
    """

    handoff: Path
    folders: Folders
    environment: Mapping[str, str]
    stop_grace: float
    sandbox: Sandbox
    memory_events: Path = memory.EVENTS
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How the suite ended; none of its processes is left. The fields are those of `outcome.json`."""

    ending: Literal["finished", "timed_out", "interrupted", "failed_to_start", "out_of_space"]
    exit_code: int | None = None
    detail: str | None = None
    collection: Collection | None = None


@dataclass(frozen=True, slots=True)
class _Started:
    """A running suite, its clean-up, and the tests that its runner planned; without tests there is no process."""

    process: SuiteProcess | None
    after: Callable[[], None] | None = None
    collection: Collection | None = None


async def run(
    suite: Suite, job: JobMessage, secret: Mapping[str, str], *, pod: Pod, plan: Planner, stop: asyncio.Event
) -> Ended | Receipt:
    """Run the shard until it ends by itself, its timeout is over, a volume is too full or `stop` is set.

    The values of the secret are masked in the suite's logs and in the detail. A receipt that comes in while the suite
    runs is the reporter's last word (it has lost the shard): the suite is stopped and the receipt is the answer.

    Raises:
        InvalidInput, OSError: the receipt can't be read; the suite is stopped.
        Exception: the suite can no longer be watched; it is stopped, and how it would have ended is unknown.
    """
    mask = Masking(secret.values())
    ended = await _run(suite, job, secret, pod=pod, plan=plan, stop=stop, mask=mask)
    return ended if isinstance(ended, Receipt) else await _masked(ended, mask, pod)


async def _run(
    suite: Suite,
    job: JobMessage,
    secret: Mapping[str, str],
    *,
    pod: Pod,
    plan: Planner,
    stop: asyncio.Event,
    mask: Masking,
) -> Ended | Receipt:
    tree = ProcessTree()
    killed_before = memory.oom_kills(pod.memory_events)
    try:
        started = await _start(suite, job, secret, pod=pod, plan=plan, stop=stop, tree=tree)
    except Stopped:
        await in_thread(partial(tree.end, pod.stop_grace))
        return Ended("interrupted")
    except Exception as error:  # whatever a runner stumbles over, the run must say so
        await in_thread(partial(tree.end, pod.stop_grace))
        detail = mask.text(_reason(error))
        foreseen = isinstance(error, CannotPlan | WorkerError | OSError)
        log.warning("suite_not_started", detail=detail, exc_info=not foreseen)
        return Ended("failed_to_start", detail=detail)
    process = started.process
    if process is None:
        return Ended("finished", exit_code=0, collection=started.collection)
    grace = pod.stop_grace
    try:
        ended, stopped, receipt, full = await race(
            process.wait(),
            stop.wait(),
            volume.wait_for(pod.handoff, Receipt, timeout=math.inf),  # the race has the deadline
            space.exceeded(pod.limits),
            timeout=suite.timeout,
        )
        if full:
            grace = min(grace, SPACE_GRACE)
    finally:
        await process.end(grace)
    if not ended and receipt:
        spoken: Receipt = receipt.result()
        return spoken
    out_of_memory = memory.killed_since(killed_before, pod.memory_events)
    # Measured once more, so that a verdict does not depend on the moment of the last measurement.
    too_much = full.result() if full else await in_thread(partial(space.check, pod.limits)) if ended else None
    if stopped and not ended:
        result = Ended("interrupted", process.exit_code, out_of_memory)
    elif too_much:
        result = Ended("out_of_space", process.exit_code, _joined(too_much, out_of_memory))
    elif ended:
        result = Ended("finished", process.exit_code, out_of_memory)
    else:
        limit = f"the suite ran longer than its timeout of {suite.timeout:g} s"
        result = Ended("timed_out", process.exit_code, _joined(limit, out_of_memory))
    return await _with_report(await _with_collection(result, started, pod), started.after, pod.sandbox)


async def _start(
    suite: Suite,
    job: JobMessage,
    secret: Mapping[str, str],
    *,
    pod: Pod,
    plan: Planner,
    stop: asyncio.Event,
    tree: ProcessTree,
) -> _Started:
    """Plan the shard and start its process, where it has anything to run."""
    logs = pod.folders.artifacts / "log"
    for folder in (pod.folders.junit, logs):
        folder.mkdir(parents=True, exist_ok=True)
    async with asyncio.timeout(suite.timeout):  # the runner may look through the whole suite
        planning = in_thread(partial(pod.sandbox.call, partial(plan, suite, job, pod.folders)))
        planned = await until_stopped(stop, planning)
    if isinstance(planned, NoTests):
        pod.folders.junit_file.write_text(EMPTY_JUNIT, encoding="utf-8")
        return _Started(None, collection=planned.collection)
    env = environment.of_suite(
        pod.environment, runner=planned.env, suite=suite.env, secret=secret, job=job, folders=pod.folders
    )
    start = partial(SuiteProcess.start, planned.argv, cwd=planned.cwd, env=env, output=logs / "suite.log", tree=tree)
    process = await in_thread(partial(pod.sandbox.call, start))
    log.info("suite_started", program=planned.argv[0], cwd=str(planned.cwd))
    return _Started(process, planned.after, planned.collection)


async def _with_collection(ended: Ended, started: _Started, pod: Pod) -> Ended:
    """Add what the shard has collected; without it the shards of a run can't be compared."""
    found = started.collection
    if found is None:
        found = await in_thread(partial(pod.sandbox.call, partial(collection.read, pod.folders.collection_file)))
    return replace(ended, collection=found)


async def _with_report(ended: Ended, after: Callable[[], None] | None, sandbox: Sandbox) -> Ended:
    """Let the runner write its JUnit; where it can't, the detail says so and the report is missing.

    It reads what the suite has left, and a link in there must lead no further than the suite itself.
    """
    if after is None:
        return ended
    limit = REPORT_SECONDS_INTERRUPTED if ended.ending == "interrupted" else REPORT_SECONDS
    try:
        async with asyncio.timeout(limit):
            await in_thread(partial(sandbox.call, after))
    except Exception as error:  # noqa: BLE001  # the suite has ended, and its outcome must be recorded
        return replace(ended, detail=_joined(ended.detail, f"no report: {_reason(error)}"))
    return ended


async def _masked(ended: Ended, mask: Masking, pod: Pod) -> Ended:
    """Mask the logs, which nothing has stored yet, and the detail; a log that can't be masked is removed."""
    detail = ended.detail
    # Of an interrupted suite nothing is uploaded, and its pod's grace period is counted.
    for name in LOGS if mask and ended.ending != "interrupted" else ():
        try:
            await in_thread(partial(pod.sandbox.call, partial(log_masking.rewrite, pod.folders.artifacts / name, mask)))
        except OSError as error:
            detail = _joined(detail, f"{name} was removed, because the secret could not be masked: {_reason(error)}")
    return replace(ended, detail=detail and mask.text(detail))


def _joined(*details: str | None) -> str | None:
    return "; ".join(filter(None, details)) or None


def _reason(error: Exception) -> str:
    timed_out = isinstance(error, TimeoutError) and not str(error)
    return "it took too long" if timed_out else one_line(error)
