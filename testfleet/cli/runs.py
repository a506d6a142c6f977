"""`testfleet runs`."""

from typing import Annotated, Literal

import typer

from testfleet import cli, output, results
from testfleet.cli.options import Json


def list_runs(
    suite: Annotated[str | None, typer.Option(help="Only of this suite.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only of this branch.")] = None,
    status: Annotated[
        Literal["queued", "running", "passed", "failed", "errored", "cancelled"] | None,
        typer.Option(help="Only in this status."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of runs.")] = 20,
    *,
    as_json: Json = False,
) -> None:
    """List runs, the newest first."""
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = results.runs.find(connection, suite=suite, branch=branch, status=status, limit=limit)
    if as_json:
        output.console.write_json(found)
    else:
        output.console.write(results.render.runs(found))
