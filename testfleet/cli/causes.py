"""`testfleet causes`."""

from typing import Annotated, Literal

import typer

from testfleet import cli, output, results
from testfleet.cli.filters import Explain, FinishedRun, Limit, OfBranch, OfSuite
from testfleet.cli.options import Json


def causes(
    run_id: FinishedRun = None,
    suite: OfSuite = None,
    branch: OfBranch = None,
    order: Annotated[
        Literal["last", "most"], typer.Option(help="Without RUN_ID: the causes seen last first, or of most failures.")
    ] = "last",
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """List the causes of failures, of one run or of all.

    --branch only chooses the run that - names.
    """
    if run_id is not None:
        results.references.check_run(run_id)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        if run_id is None:
            found = results.causes.newest(connection, suite=suite, order=order, limit=limit)
            of_run = None
        else:
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch, finished=True)
            found, of_run = (), results.causes.of_run(connection, named, limit=limit)
    if as_json:
        output.console.write_json(found if of_run is None else of_run)
        return
    if of_run:
        output.console.write([results.tables.causes.line(of_run)])
    table = results.tables.causes.of_run(of_run) if of_run else results.tables.causes.newest(found)
    if table.rows:
        output.console.write(table)
    cli.explanation.write(results.tables.causes.EXPLANATION, wanted=explain)
