"""Options and arguments that several commands have."""

import os
from pathlib import Path
from typing import Annotated

import typer

RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, as enqueue printed it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON whose keys are the columns' names.")]
Timeout = Annotated[str, typer.Option(help="Maximum time to wait: 90s, 30m, 1h30m.")]
MinCases = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="Least number of cases, or least share of the suite's usual number."),
]
Commit = Annotated[str | None, typer.Option(help="The commit under test. [default: from the CI service]")]
Branch = Annotated[str | None, typer.Option(help="The branch under test. [default: from the CI service]")]
PullRequest = Annotated[
    str | None, typer.Option(metavar="ID", help="The pull or merge request. [default: from the CI service]")
]
ParentCommit = Annotated[
    str | None, typer.Option(metavar="COMMIT", help="The commit before it. [default: from the git checkout]")
]
Author = Annotated[
    str | None, typer.Option(help="Author of the commit. [default: from the git checkout or the CI service]")
]
CiUrl = Annotated[str | None, typer.Option(metavar="URL", help="Page of the CI job. [default: from the CI service]")]
Environment = Annotated[str | None, typer.Option(help="The environment under test. [default: from the CI service]")]

CORES = os.cpu_count() or 1
STATE = Path(".testfleet")
MaxPods = Annotated[
    int, typer.Option(min=1, max=100, help="Maximum number of pods that run at once.", show_default="one per core")
]
