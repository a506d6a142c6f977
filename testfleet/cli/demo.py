"""`testfleet demo`."""

from typing import Annotated

import typer

from testfleet import local
from testfleet.cli import durations
from testfleet.cli.options import CORES, STATE, MaxPods
from testfleet.exit_codes import ExitCode


def demo(
    max_pods: MaxPods = CORES,
    timeout: Annotated[str, typer.Option(help="Maximum time for all suites: 90s, 5m.")] = "5m",
) -> ExitCode:
    """Run four suites against a small web shop, on a whole fleet on this machine.

    One case fails on purpose and one is flaky. Exit code: 0 if every run got its expected verdict, otherwise 1.
    """
    seconds = durations.parse(timeout, option="--timeout")
    return local.commands.demo(state=STATE / "demo", max_pods=max_pods, timeout=seconds)
