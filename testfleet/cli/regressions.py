"""`testfleet regressions`."""

from testfleet import cli, output, results
from testfleet.cli.filters import Explain, FinishedRun, Limit, OfBranch, OfSuite
from testfleet.cli.options import Json


def regressions(
    run_id: FinishedRun = None,
    suite: OfSuite = None,
    branch: OfBranch = None,
    limit: Limit = 20,
    *,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """List what fails and passed before, and since which commit.

    Without RUN_ID, it lists the regressions in the newest run of each suite on its default branches or on --branch.
    """
    if run_id is not None:
        results.references.check_run(run_id)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        if run_id is None:
            found = results.regressions.newest(connection, suite=suite, branch=branch, limit=limit)
        else:
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch, finished=True)
            found = results.regressions.of_run(connection, named, limit=limit)
    if as_json:
        output.console.write_json(found)
        return
    output.console.write(results.tables.regressions.lines(found))
    for table in (results.tables.regressions.failing(found), results.tables.regressions.drops(found)):
        if table.rows:
            output.console.write(table)
    cli.explanation.write(results.tables.regressions.EXPLANATION, wanted=explain)
