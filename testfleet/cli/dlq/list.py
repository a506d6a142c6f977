"""`testfleet dlq list`."""

from typing import Annotated

import typer

from testfleet import cli, output, queue
from testfleet.cli.dlq.options import Json


def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of messages.")] = 100,
    *,
    as_json: Json = False,
) -> None:
    """List dead messages with their reasons, the oldest first.

    The reason `received_too_often` means that SQS moved the message: each of its attempts ended without a result. SQS
    hides the listed messages for at most a minute and counts a receive.
    """
    with cli.connect.dead_letters(cli.connect.settings()) as dead:
        found = dead.read(limit)
    if as_json:
        output.console.write_json(found)
    else:
        output.console.write(queue.dead_letters.table(found))
