"""Shows the progress of a run on stderr: one updated line on a terminal, occasional lines elsewhere."""

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
"""Maximum silence between progress lines without a terminal."""


def line(run_id: str, snapshot: Snapshot) -> Line:
    """Return the result of one poll as a line."""
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
    """Prints a line when status, finished shards, failures or an outage change, and otherwise every `QUIET_SECONDS`."""

    def __init__(self, run_id: str, write: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._write = write
        self._state: tuple[object, ...] | None = None
        self._written_at = 0.0

    def __call__(self, snapshot: Snapshot) -> None:
        run = snapshot.run
        failing = run is not None and run.failed + run.errored > 0
        state = (run and (run.status, run.shards_done), failing, snapshot.outage is None)
        if state != self._state or snapshot.elapsed - self._written_at >= QUIET_SECONDS:
            self._state, self._written_at = state, snapshot.elapsed
            self._write(line(self._run_id, snapshot).text)


@contextmanager
def shown(run_id: str) -> Iterator[Callable[[Snapshot], None]]:
    """Return a function that shows a snapshot, for the time of the block."""
    terminal = console.Terminal(stderr=True, highlight=False)
    if not sys.stderr.isatty() or terminal.is_dumb_terminal:  # not `is_terminal`, which FORCE_COLOR sets
        yield Sparse(run_id, to_stderr)
        return
    spinner = Spinner("dots", text=f"{run_id}: …")
    with Live(spinner, console=terminal, transient=True, refresh_per_second=8):
        yield lambda snapshot: spinner.update(text=console.text(line(run_id, snapshot)))
