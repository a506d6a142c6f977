"""`testfleet settings`."""

from typing import Annotated

import typer

from testfleet import cli, output, results
from testfleet.cli.options import Json


def settings(
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Settings to change. Without one: show all.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show or change the settings of the analysis.

    They are the default branches, the prices of the fleet and the least share of usual cases.

    They are in the database and apply to every reader. Only the owner of the tables may change them.
    """
    room = results.analysis_settings
    wanted = room.parse(changes or [])
    database = cli.connect.results_database(cli.connect.settings())
    if wanted:
        room.write(database, wanted)
    found = room.read(database)
    if as_json:
        output.console.write_json(found)
    else:
        output.console.write(results.render_settings.table(found))
