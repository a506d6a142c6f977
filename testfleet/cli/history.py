"""`testfleet history`."""

from testfleet import cli, output, results
from testfleet.cli.filters import AnyCase, Explain, Limit, OfBranch, OfSuite
from testfleet.cli.options import Json


def history(
    case: AnyCase,
    suite: OfSuite = None,
    branch: OfBranch = None,
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """Show the last executions of one case, the newest first."""
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        named = results.references.find_case(connection, case, suite=suite, branch=branch)
        found = results.history.of_case(connection, named, branch=branch, limit=limit)
    if as_json:
        output.console.write_json(found)
        return
    output.console.write(results.tables.history.lines(found))
    if found.executions:
        output.console.write(results.tables.history.table(found.executions))
    cli.explanation.write(results.tables.history.EXPLANATION, wanted=explain)
