"""`testfleet rebuild-summaries`."""

from typing import Annotated

import typer

from testfleet import cli, database
from testfleet.output.streams import to_stdout


def rebuild_summaries(
    *,
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Accept that the summaries lose the runs whose cases were dropped.")
    ] = False,
) -> None:
    """Compute the summaries of all cases again from the rows of the runs.

    Verdicts may be given meanwhile. Run it once after the upgrade from a release without summaries. It logs in as the
    owner of the tables, as migrate does.
    """
    runs = 0
    for done in database.rebuild.rebuild(
        cli.connect.results_database(cli.connect.settings()), suite=suite, forget=forget
    ):
        to_stdout(f"{done.suite}: {done.runs} runs")
        runs += done.runs
    if not runs:
        to_stdout("no run has a verdict")
