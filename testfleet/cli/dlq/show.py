"""`testfleet dlq show`."""

from typing import Annotated

from testfleet import cli, output, queue
from testfleet.cli.dlq.options import LISTED_ID, Json


def show(message_id: Annotated[str, LISTED_ID], *, as_json: Json = False) -> None:
    """Show one dead message: its body and the state of its run and shard."""
    with cli.connect.dead_letters(cli.connect.settings()) as dead:
        (letter,) = dead.find(queue.dead_letters.Selection(message_id))
    if as_json:
        output.console.write_json(letter)
    else:
        output.console.write(queue.dead_letters.lines(letter))
