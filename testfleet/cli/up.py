"""`testfleet up`."""

from pathlib import Path
from typing import Annotated

import typer

from testfleet import local
from testfleet.cli import durations
from testfleet.cli.options import CORES, STATE, MaxPods
from testfleet.exit_codes import ExitCode


def up(
    catalog: Annotated[
        Path | None, typer.Option(help="The suite catalog.", show_default="that of the sample suites")
    ] = None,
    state: Annotated[Path, typer.Option(help="Folder of the database and of the pods; results stay in it.")] = STATE,
    max_pods: MaxPods = CORES,
    ttl: Annotated[str, typer.Option(help="How long a finished pod's folder stays: 90s, 30m, 1h30m.")] = "1h",
    aws_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the AWS endpoint; 0 takes a free one.")] = 0,
) -> ExitCode:
    """Run the whole fleet on this machine until Ctrl-C.

    It prints the environment variables that another terminal needs, and writes them to `env` in the state folder. With
    the sample suites it also runs the web shop that they test. Jobs without a target URL test that shop.
    """
    kept = durations.parse(ttl, option="--ttl")
    return local.commands.up(catalog=catalog, state=state, max_pods=max_pods, ttl=kept, aws_port=aws_port)
