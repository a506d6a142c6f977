"""The commands of `testfleet notices`."""

import typer

from testfleet.cli.group import Entry, lazy_group

COMMANDS = {
    "list": Entry("testfleet.cli.notices.list:list_targets", "List the targets and the dead notices."),
    "send": Entry("testfleet.cli.notices.send:send", "Send what waits, without a sweep."),
    "retry": Entry("testfleet.cli.notices.retry:retry", "Let dead notices wait again."),
}


app = typer.Typer(
    name="notices",
    cls=lazy_group(COMMANDS),
    help="Look at notices to other systems, send them or try them again.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def options() -> None:
    """Look at notices to other systems, send them or try them again."""
