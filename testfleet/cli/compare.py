"""`testfleet compare`."""

from typing import Annotated

import typer

from testfleet import cli, output, results
from testfleet.cli.filters import Explain, Limit, OfBranch, OfSuite
from testfleet.cli.options import Json
from testfleet.errors import Refused

_HELP = "its id, the id's beginning or end of at least 4 characters, or - for the newest finished run."


def compare(
    before: Annotated[str, typer.Argument(metavar="RUN_A", help=f"The first run: {_HELP}")],
    after: Annotated[str, typer.Argument(metavar="RUN_B", help=f"The second run: {_HELP}")],
    suite: OfSuite = None,
    branch: OfBranch = None,
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """Compare two runs: what broke, was fixed, added, removed, slower.

    --suite and --branch choose the run that - names. --limit is the maximum number of cases of each change.
    """
    for argument, text in (("RUN_A", before), ("RUN_B", after)):
        results.references.check_run(text, argument)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        first, second = (
            results.references.find_run(connection, text, suite=suite, branch=branch, finished=True, argument=argument)
            for argument, text in (("RUN_A", before), ("RUN_B", after))
        )
        found = results.compare.compare(connection, first, second, limit=limit)
    if found is None:
        raise Refused(f"RUN_A: the run {first} or {second} was removed while it was read")
    if as_json:
        output.console.write_json(found)
        return
    output.console.write(results.tables.compare.lines(found))
    if found.cases:
        output.console.write(results.tables.compare.table(found))
    cli.explanation.write(results.tables.compare.EXPLANATION, wanted=explain)
