"""`testfleet quarantine list`."""

from typing import Annotated

import typer

from testfleet import cli, output, results
from testfleet.cli.filters import OfSuite
from testfleet.cli.options import Json


def list_quarantines(
    suite: OfSuite = None,
    *,
    expired: Annotated[bool, typer.Option("--expired", help="Also those that have expired.")] = False,
    as_json: Json = False,
) -> None:
    """List quarantined cases.

    SOURCE is command, or file for an entry of quarantine.toml as the last run of its branch had it.
    """
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = results.quarantine.find(connection, suite=suite, expired=expired)
    if as_json:
        output.console.write_json(found)
    else:
        output.console.write(results.tables.quarantine.table(found))
