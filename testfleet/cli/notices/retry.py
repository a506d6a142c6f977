"""`testfleet notices retry`."""

from typing import Annotated

import typer

from testfleet import cli, notices
from testfleet.output.streams import to_stdout


def retry(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="Only of this target.", show_default="all")
    ] = None,
) -> None:
    """Let dead notices wait again.

    The next sweep sends them before newer ones. A target that waits for its next try is tried at once.
    """
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        revived = notices.overview.retry(connection, target)
    to_stdout(f"{revived} notices wait again")
