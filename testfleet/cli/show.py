"""`testfleet show`."""

from testfleet import cli, output, results
from testfleet.cli.filters import AnyRun, OfBranch, OfSuite
from testfleet.cli.options import Json
from testfleet.errors import Refused


def show(run_id: AnyRun, suite: OfSuite = None, branch: OfBranch = None, *, as_json: Json = False) -> None:
    """Show one run: shards, failing and flaky cases, files, what it depends on and what it cost.

    --suite and --branch choose the run that - names.
    """
    results.references.check_run(run_id)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = results.references.find_run(connection, run_id, suite=suite, branch=branch)
        detail = results.runs.detail(connection, found)
    if detail is None:
        raise Refused(f"RUN_ID: the run {found} was removed while it was read")
    if as_json:
        output.console.write_json(detail)
        return
    output.console.write(results.render.verdict(detail))
    output.console.write(results.render_facts.facts(detail))
    for table in (results.render.shards(detail.shards), results.render.artifacts(detail.artifacts)):
        if table.rows:
            output.console.write(table)
