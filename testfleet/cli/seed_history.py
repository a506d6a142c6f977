"""`testfleet seed-history`."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from testfleet import cli, seeding
from testfleet.errors import Refused
from testfleet.output.streams import to_stderr, to_stdout


def seed_history(
    *,
    days: Annotated[int, typer.Option(min=1, max=730, help="Number of days of the history.")] = 90,
    suites: Annotated[int, typer.Option(min=1, max=50, help="Number of suites.")] = 6,
    runs_per_day: Annotated[int, typer.Option(min=1, max=1000, help="Average number of runs a day.")] = 40,
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="The same seed and end give the same rows.")] = 1,
    end: Annotated[str | None, typer.Option(help="End of the history: 2026-11-01T00:00:00Z. [default: now]")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write the truth about the history, as JSON, to this file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Allow a database that holds other runs.")] = False,
) -> None:
    """Fill an empty database with a generated history, for a demo, dashboards and tests.

    The history has flaky cases, regressions, slowdowns and outages. The labels name them. Run ids begin with seed-.
    """
    until = datetime.now(UTC).replace(microsecond=0) if end is None else _time(end)
    database = cli.connect.results_database(cli.connect.settings())
    seeding.store.check(database, seed, force=force)
    history = seeding.generate.generate(seed, seeding.generate.Scale(days, suites, runs_per_day), until)
    if labels is not None:
        try:
            labels.write_text(seeding.labels.to_json(history.labels), encoding="utf-8")
        except OSError as error:
            raise Refused(f"--labels: {labels}: {error.strerror}") from error
    begun = time.monotonic()
    seeding.store.write(database, history, force=force, progress=_Progress(len(history.runs)))
    cases = sum(len(run.cases) for run in history.runs)
    to_stdout(
        f"{len(history.runs)} runs with {cases} cases written in {time.monotonic() - begun:.0f} s; "
        f"the same again: --seed {seed} --days {days} --suites {suites} --runs-per-day {runs_per_day} "
        f"--end {until.isoformat()}"
    )


def _time(value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError as error:
        raise Refused("--end: must be a time such as 2026-11-01T00:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class _Progress:
    """Prints each tenth of the folded runs to stderr."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._tenths = 0

    def __call__(self, folded: int) -> None:
        tenths = 10 * folded // self._total
        if tenths > self._tenths:
            self._tenths = tenths
            to_stderr(f"testfleet: {folded} of {self._total} runs folded")
