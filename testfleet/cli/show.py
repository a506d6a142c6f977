"""`testfleet show`."""

from testfleet import cli, output, results
from testfleet.cli.options import Json, RunId
from testfleet.errors import Refused


def show(run_id: RunId, *, as_json: Json = False) -> None:
    """Show one run: shards, failing and flaky cases, files."""
    results.run_id.check(run_id)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        detail = results.runs.detail(connection, run_id)
    if detail is None:
        raise Refused(f"RUN_ID: the database has no run {run_id}")
    if as_json:
        output.console.write_json(detail)
        return
    output.console.write(results.render.verdict(detail))
    for table in (results.render.shards(detail.shards), results.render.artifacts(detail.artifacts)):
        if table.rows:
            output.console.write(table)
