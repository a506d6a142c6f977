"""`testfleet migrate`."""

from testfleet import cli, database
from testfleet.output.streams import to_stdout


def migrate() -> None:
    """Bring the database's tables up to date.

    Several processes may run it at once: the first applies the missing files, the others wait and find nothing to do.
    """
    target = cli.connect.results_database(cli.connect.settings())
    applied = database.migrations.migrate(target.url, target.auth)
    for name in applied:
        to_stdout(f"applied {name}")
    if not applied:
        to_stdout("nothing to do")
