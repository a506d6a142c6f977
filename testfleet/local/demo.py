"""The demo: four suites against a small web shop, on a whole fleet on this machine."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live

from testfleet.database.connection import Database
from testfleet.local.fleet import Fleet
from testfleet.local.samples import examples
from testfleet.output import console, units
from testfleet.output.blocks import Line, Table
from testfleet.output.streams import to_stderr
from testfleet.queue.enqueue import enqueue
from testfleet.queue.jobs import jobs, new_run_id
from testfleet.queue.sqs import Queue
from testfleet.results import progress, render, runs
from testfleet.results.poller import Snapshot
from testfleet.results.runs import RunDetail, RunRow, RunStatus

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Expectation:
    """A suite of the demo and the verdict that its run must get. One suite fails on purpose."""

    suite: str
    shards: int
    verdict: RunStatus


EXPECTED = (
    Expectation("checkout", 2, "failed"),  # one case finds a bug of the shop, another passes on its second try
    Expectation("load", 1, "passed"),
    Expectation("api", 1, "passed"),
    Expectation("smoke", 1, "passed"),
)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of the demo: blocks to print, whether every run got its expected verdict, and the unfinished suites."""

    report: tuple[Table | tuple[Line, ...], ...]
    as_expected: bool
    unfinished: tuple[str, ...]


def run(fleet: Fleet, *, timeout: float, left_out: Collection[str] = ()) -> Conclusion:
    """Enqueue the demo's suites except those in `left_out`, and follow their runs for at most `timeout` seconds.

    Raises:
        Unavailable: the shop did not start.
    """
    with examples.shop() as url:
        to_stderr(f"testfleet: the shop under test is at {url}")
        enqueued = _enqueue_all(fleet, url, left_out)
        with _shown() as show:
            broken = fleet.broken.is_set
            details = _follow(Database(fleet.database_url), list(enqueued), show, timeout=timeout, give_up=broken)
    return conclude(enqueued, details)


def conclude(enqueued: Mapping[str, Expectation], details: Mapping[str, RunDetail]) -> Conclusion:
    """Return the table of runs, and below it the failed and flaky cases of each run."""
    rows = [_row(expected, details[run_id].run if run_id in details else None) for run_id, expected in enqueued.items()]
    good = [row[1] == row[2] for row in rows]
    table = Table(
        header=("suite", "verdict", "expected", "cases", "passed", "failed", "flaky", "p95", "took"),
        rows=tuple(rows),
        tones=tuple("good" if one else "bad" for one in good),
    )
    verdicts = [
        tuple(render.verdict(detail))
        for detail in details.values()
        if detail.failing or detail.flaky or detail.run.status == "errored"
    ]
    unfinished = (run_id for run_id in enqueued if run_id not in details or not details[run_id].run.finished)
    return Conclusion((table, *verdicts), all(good), tuple(enqueued[run_id].suite for run_id in unfinished))


def _row(expected: Expectation, run: RunRow | None) -> tuple[str, ...]:
    if run is None:
        return (expected.suite, "unknown", expected.verdict, *[""] * 6)
    took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
    return (
        expected.suite,
        run.status,
        expected.verdict,
        str(run.total),
        str(run.passed),
        str(run.failed + run.errored),
        str(run.flaky),
        units.duration(run.p95_ms) if run.p95_ms is not None else "",
        units.duration(took.total_seconds() * 1000) if took else "",
    )


def _enqueue_all(fleet: Fleet, target_url: str, left_out: Collection[str]) -> dict[str, Expectation]:
    os.environ.update(fleet.aws.env)  # the SDK of this process reads its settings from the environment
    queue, database = Queue(fleet.aws.queue_url), Database(fleet.database_url)
    enqueued = {}
    for expected in (one for one in EXPECTED if one.suite not in left_out):
        run_id = new_run_id(datetime.now(UTC), os.urandom(4))
        messages = jobs(
            expected.suite, run_id=run_id, shards=expected.shards, target_url=target_url, branch="demo", trigger="demo"
        )
        enqueue(messages, queue, database)
        enqueued[run_id] = expected
    return enqueued


def _follow(
    database: Database,
    run_ids: Sequence[str],
    show: Callable[[Mapping[str, Snapshot]], None],
    *,
    timeout: float,
    give_up: Callable[[], bool],
) -> dict[str, RunDetail]:
    started = time.monotonic()
    with database.connect() as connection:
        while True:
            elapsed = time.monotonic() - started
            snapshots = {run_id: Snapshot(runs.get(connection, run_id), elapsed) for run_id in run_ids}
            show(snapshots)
            done = all(snapshot.run and snapshot.run.finished for snapshot in snapshots.values())
            if done or elapsed > timeout or give_up():
                details = {run_id: runs.detail(connection, run_id) for run_id in run_ids}
                return {run_id: detail for run_id, detail in details.items() if detail}
            time.sleep(POLL_SECONDS)


@contextmanager
def _shown() -> Iterator[Callable[[Mapping[str, Snapshot]], None]]:
    """Yield a function that shows snapshots on stderr: live lines on a terminal, otherwise a line for each change."""
    terminal = console.Terminal(stderr=True, highlight=False)
    if sys.stderr.isatty():
        with Live(console=terminal, transient=True, refresh_per_second=8) as live:
            yield lambda snapshots: live.update(
                Group(*(console.text(progress.line(run_id, snapshot)) for run_id, snapshot in snapshots.items()))
            )
        return
    sparse: dict[str, progress.Sparse] = {}

    def show(snapshots: Mapping[str, Snapshot]) -> None:
        for run_id, snapshot in snapshots.items():
            sparse.setdefault(run_id, progress.Sparse(run_id, to_stderr))(snapshot)

    yield show
