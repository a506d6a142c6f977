"""Shows on stderr how a run goes: one living line on a terminal, now and then a line anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.spinner import Spinner

from testfleet.output import console, units
from testfleet.output.blocks import Line, clean
from testfleet.output.streams import to_stderr
from testfleet.results.poller import Snapshot

QUIET_SECONDS = 30.0
"""Without a terminal, as long may nothing be said about a run in which only cases are added."""


def line(run_id: str, snapshot: Snapshot) -> Line:
    """What one look showed, in one line."""
    run = snapshot.run
    elapsed = units.duration(round(snapshot.elapsed) * 1000)
    if snapshot.outage:
        return Line(f"{run_id}: {snapshot.outage}; trying again · {elapsed}", "odd")
    if run is None:
        return Line(f"{run_id}: not in the database yet; no pod has claimed it · {elapsed}", "faint")
    bad = run.failed + run.errored
    parts = [
        f"{run_id} {clean(run.suite or '-')}: {run.status}",
        f"{run.shards_done} of {run.shards or '?'} shards",
        f"{run.total} cases",
        *([f"{bad} failed"] if bad else []),
        *([f"{run.flaky} flaky"] if run.flaky else []),
        elapsed,
    ]
    return Line(" · ".join(parts), "bad" if bad else "plain")


class Sparse:
    """Decides which looks are worth a line in a log: what changes a decision at once, anything else seldom."""

    def __init__(self, run_id: str, say: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._say = say
        self._news: tuple[object, ...] | None = None
        self._said_at = 0.0

    def __call__(self, snapshot: Snapshot) -> None:
        run = snapshot.run
        failing = run is not None and run.failed + run.errored > 0
        news = (run and (run.status, run.shards_done), failing, snapshot.outage is None)
        if news != self._news or snapshot.elapsed - self._said_at >= QUIET_SECONDS:
            self._news, self._said_at = news, snapshot.elapsed
            self._say(line(self._run_id, snapshot).text)


@contextmanager
def shown(run_id: str) -> Iterator[Callable[[Snapshot], None]]:
    """Something to show each look with, for as long as the block lasts."""
    terminal = console.Terminal(stderr=True, highlight=False)
    if not sys.stderr.isatty() or terminal.is_dumb_terminal:  # FORCE_COLOR makes no terminal of a log
        yield Sparse(run_id, to_stderr)
        return
    spinner = Spinner("dots", text=f"{run_id}: …")
    with Live(spinner, console=terminal, transient=True, refresh_per_second=8):
        yield lambda snapshot: spinner.update(text=console.text(line(run_id, snapshot)))
