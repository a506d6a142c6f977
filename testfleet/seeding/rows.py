"""The rows of a generated run, in the columns of the results' tables."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

from testfleet.seeding.values import Case, Run, Shard

Row = tuple[Any, ...]

RUN_COLUMNS = (
    "run_id",
    "suite",
    "commit",
    "branch",
    "target_url",
    "trigger",
    "status",
    "detail",
    "shards",
    "shards_done",
    "total",
    "passed",
    "failed",
    "errored",
    "skipped",
    "flaky",
    "p95_ms",
    "queued_at",
    "started_at",
    "finished_at",
    "day",
    "pull_request",
    "parent_commit",
    "author",
    "ci_url",
    "environment",
    "image_digest",
    "tools",
    "expected_cases",
)
SHARD_COLUMNS = (
    "run_id",
    "shard",
    "claim_id",
    "attempt",
    "status",
    "worker",
    "message_id",
    "exit_code",
    "outcome",
    "detail",
    "cases",
    "started_at",
    "finished_at",
    "cpu_millis",
    "memory_mib",
)
CASE_COLUMNS = (
    "run_id",
    "name",
    "day",
    "shard",
    "attempt",
    "file",
    "status",
    "flaky",
    "tries",
    "duration_ms",
    "error",
    "error_type",
    "fingerprint",
    "message",
    "location",
    "started_at",
    "finished_at",
)
TRY_COLUMNS = ("run_id", "name", "day", "attempt", "try", "status", "duration_ms", "error", "message")

_CPU_MILLIS = {"playwright": 2000, "k6": 2000}
_MEMORY_MIB = {"playwright": 4096}


def of_run(run: Run) -> Row:
    """Return the row of `test_runs`."""
    counts = Counter(case.status for case in run.cases)
    image = f"{run.suite.tool} {run.suite.version}"
    number = run.run_id.rpartition("-")[2]
    cancelled = run.status == "cancelled"
    return (
        run.run_id,
        run.suite.name,
        run.commit.sha,
        run.commit.branch,
        f"https://{run.environment}.example.com",
        run.trigger,
        run.status,
        run.detail,
        len(run.shards),
        0 if cancelled else len(run.shards),
        len(run.cases),
        counts["passed"],
        counts["failed"],
        counts["errored"],
        counts["skipped"],
        sum(case.flaky for case in run.cases),
        None if cancelled else _p95(run),
        run.queued_at,
        run.started_at,
        run.finished_at,
        run.queued_at.date(),
        str(run.commit.pull_request) if run.commit.push else None,
        run.commit.parent,
        run.commit.author,
        f"https://ci.example.com/builds/{number}",
        run.environment,
        f"sha256:{hashlib.sha256(image.encode()).hexdigest()}",
        json.dumps({run.suite.tool: run.suite.version}),
        sum(spec.exists_in(run.commit.index) for spec in run.suite.cases),
    )


def of_shards(run: Run) -> Iterator[Row]:
    """Return the rows of `test_shards`."""
    for shard in run.shards:
        yield (
            run.run_id,
            shard.index,
            f"{run.run_id}-{shard.index}-{shard.attempt}",
            shard.attempt,
            shard.status,
            shard.worker,
            f"{run.run_id}-{shard.index}",
            shard.exit_code,
            shard.outcome,
            shard.detail,
            len(shard.cases),
            shard.started_at,
            shard.finished_at,
            _CPU_MILLIS.get(run.suite.tool, 1000),
            _MEMORY_MIB.get(run.suite.tool, 1024),
        )


def of_cases(run: Run) -> Iterator[Row]:
    """Return the rows of `test_cases`. A case that passed on a retry has no error, as with the reporter."""
    for shard, case in _placed(run):
        failure = case.failure
        yield (
            run.run_id,
            case.spec.name,
            run.queued_at.date(),
            shard.index,
            shard.attempt,
            case.spec.file,
            case.status,
            case.flaky,
            max(1, len(case.tries)),
            _duration(run, case.tries[-1].duration_ms) if case.tries else None,
            failure and failure.error,
            failure and failure.error_type,
            failure and failure.fingerprint,
            failure and failure.message,
            failure and failure.location,
            case.started_at,
            case.finished_at,
        )


def of_tries(run: Run) -> Iterator[Row]:
    """Return the rows of `case_tries`: those of each case that was tried more than once."""
    for shard, case in _placed(run):
        for number, one in enumerate(case.tries if len(case.tries) > 1 else (), start=1):
            failure = one.failure
            yield (
                run.run_id,
                case.spec.name,
                run.queued_at.date(),
                shard.attempt,
                number,
                failure.status if failure else "passed",
                _duration(run, one.duration_ms),
                failure and failure.error,
                failure and failure.message,
            )


def _placed(run: Run) -> Iterator[tuple[Shard, Case]]:
    return ((shard, case) for shard in run.shards for case in shard.cases)


def _duration(run: Run, milliseconds: float) -> float | None:
    return None if run.suite.tool == "k6" else milliseconds  # checks of k6 have no duration


def _p95(run: Run) -> float | None:
    durations = [case.tries[-1].duration_ms for case in run.cases if case.tries]
    if len(durations) < 2:  # noqa: PLR2004  # quantiles need two values
        return durations[0] if durations else None
    return quantiles(durations, n=20, method="inclusive")[-1]
