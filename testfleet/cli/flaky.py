"""`testfleet flaky`."""

from typing import Annotated, Literal

import typer

from testfleet import cli, output, results
from testfleet.cli.filters import Explain, Limit, OfBranch, OfSuite
from testfleet.cli.options import Json


def flaky(
    suite: OfSuite = None,
    branch: OfBranch = None,
    state: Annotated[Literal["flaky", "broken"], typer.Option(help="List the cases in this state.")] = "flaky",
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """List flaky cases, those that blocked most runs first.

    Each row names the detectors that found the case. --state broken lists the broken cases instead, the longest first.
    """
    read = results.states.flaky if state == "flaky" else results.states.broken
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = read(connection, suite=suite, branch=branch, limit=limit)
    if as_json:
        output.console.write_json(found)
        return
    if found:
        output.console.write(results.tables.states.table(found))
    else:
        output.streams.to_stderr(f"testfleet: no case is {state}")
    cli.explanation.write(results.tables.states.EXPLANATION, wanted=explain)
