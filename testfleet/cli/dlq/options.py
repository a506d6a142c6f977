"""Options and arguments that several commands of `testfleet dlq` have."""

from typing import Annotated

import typer

LISTED_ID = typer.Argument(metavar="MESSAGE_ID", help="The message's id, as list prints it.")

MessageId = Annotated[str | None, LISTED_ID]
Run = Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Every message of this run.")]
All = Annotated[bool, typer.Option("--all", help="Every message.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
