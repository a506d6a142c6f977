"""The commands of `testfleet quarantine`."""

import typer

from testfleet.cli.group import Entry, lazy_group

COMMANDS = {
    "add": Entry("testfleet.cli.quarantine.add:add", "Let a flaky case not fail its runs for a time."),
    "list": Entry("testfleet.cli.quarantine.list:list_quarantines", "List quarantined cases."),
    "remove": Entry("testfleet.cli.quarantine.remove:remove", "Let a case fail its runs again."),
}


app = typer.Typer(
    name="quarantine",
    cls=lazy_group(COMMANDS),
    help="Let flaky cases not fail their runs for a time.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def options() -> None:
    """Let flaky cases not fail their runs for a time."""
