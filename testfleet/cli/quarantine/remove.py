"""`testfleet quarantine remove`."""

from testfleet import cli, output, results
from testfleet.cli.quarantine.options import Branch, Name, Suite


def remove(name: Name, suite: Suite, branch: Branch = None) -> None:
    """Let a case fail its runs again.

    It removes the quarantine for every branch, or that of --branch. An entry of quarantine.toml is removed there.
    """
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        results.quarantine.remove(connection, suite=suite, branch=branch, name=name)
    output.streams.to_stdout(f"removed: {output.blocks.clean_line(name)} is not quarantined any more")
