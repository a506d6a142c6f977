"""`testfleet notices list`."""

from testfleet import cli, notices, output
from testfleet.cli.options import Json
from testfleet.output.streams import to_stderr


def list_targets(*, as_json: Json = False) -> None:
    """List the targets and the dead notices.

    A dead notice was given up: its target refused it, or was out of reach for too long.
    """
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        found = notices.overview.read(connection)
    if as_json:
        output.console.write_json(found)
        return
    for table in notices.overview.tables(found):
        output.console.write(table)
    if not found.targets:
        to_stderr("testfleet: no sweep has sent a notice yet; set TESTFLEET_NOTICES to a file of targets")
