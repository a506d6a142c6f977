"""`testfleet dlq drop`."""

import sys
from typing import Annotated

import typer

from testfleet import cli, queue
from testfleet.cli.dlq.options import All, MessageId, Run
from testfleet.errors import Refused
from testfleet.output.streams import to_stdout


def drop(
    message_id: MessageId = None,
    *,
    run: Run = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
) -> None:
    """Delete dead messages for good."""
    selection = queue.dead_letters.Selection(message_id, run, every)
    if not yes and not sys.stdin.isatty():
        raise Refused("--yes: is required without a terminal")
    with cli.connect.dead_letters(cli.connect.settings()) as dead:
        found = dead.find(selection)
        if found and not yes and not _confirmed(len(found)):
            to_stdout("nothing was deleted")
            return
        for letter in found:
            dead.drop(letter)
            to_stdout(f"{letter.message_id} deleted")


def _confirmed(count: int) -> bool:
    sys.stderr.write(f"delete {count} dead message{'' if count == 1 else 's'} for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
