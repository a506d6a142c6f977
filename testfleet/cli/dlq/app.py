"""The commands of `testfleet dlq`."""

import typer

from testfleet.cli.group import Entry, lazy_group

COMMANDS = {
    "list": Entry("testfleet.cli.dlq.list:list_letters", "List dead messages with their reasons."),
    "show": Entry("testfleet.cli.dlq.show:show", "Show one dead message."),
    "redrive": Entry("testfleet.cli.dlq.redrive:redrive", "Send dead messages back to the queue."),
    "drop": Entry("testfleet.cli.dlq.drop:drop", "Delete dead messages for good."),
}


app = typer.Typer(
    name="dlq",
    cls=lazy_group(COMMANDS),
    help="Look at dead messages, send them back or delete them.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def options() -> None:
    """Look at dead messages, send them back or delete them."""
