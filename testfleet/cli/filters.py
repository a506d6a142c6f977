"""Options and arguments of the commands that read results."""

from typing import Annotated

import typer

OfSuite = Annotated[str | None, typer.Option("--suite", help="Only of this suite.")]
OfBranch = Annotated[str | None, typer.Option("--branch", help="Only of this branch.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Maximum number of rows.")]
Explain = Annotated[bool, typer.Option("--explain", help="Explain each column after the table.")]
AnyRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN_ID", help="The run's id, its beginning or end of at least 4 characters, or - for the newest run."
    ),
]
AnyCase = Annotated[str, typer.Argument(metavar="CASE", help="The name of a case, or a part that no other has.")]
FinishedRun = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN_ID]",
        help="A run: its id, the id's beginning or end of at least 4 characters, or - for the newest finished run.",
    ),
]
