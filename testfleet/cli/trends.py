"""`testfleet trends`."""

from typing import Annotated

import typer

from testfleet import cli, output, results
from testfleet.cli.filters import Explain, Limit, OfBranch
from testfleet.cli.options import Json


def trends(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="The name of the suite.")],
    branch: OfBranch = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Number of days in the table.")] = 14,
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """Show how a suite develops: pass rate, durations, fleet time, slower cases.

    Without --branch, it shows the first default branch that the suite has.
    """
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = results.trends.of_suite(connection, suite, branch=branch, days=days, limit=limit)
    if as_json:
        output.console.write_json(found)
        return
    output.console.write(results.tables.trends.lines(found))
    for table in (results.tables.trends.days(found), results.tables.trends.slow(found)):
        if table.rows:
            output.console.write(table)
    cli.explanation.write(results.tables.trends.EXPLANATION, wanted=explain)
