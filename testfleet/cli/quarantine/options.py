"""Arguments and options of the commands of `testfleet quarantine`."""

from typing import Annotated

import typer

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The whole name of the case, as testfleet show prints it. No pattern.")
]
Suite = Annotated[str, typer.Option(help="The suite of the case.")]
Branch = Annotated[str | None, typer.Option(help="Only on this branch.", show_default="every branch")]
