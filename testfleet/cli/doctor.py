"""`testfleet doctor`."""

from typing import Annotated

import typer

from testfleet import cli, output
from testfleet import doctor as checks
from testfleet.cli.options import Json
from testfleet.exit_codes import ExitCode


def doctor(
    namespace: Annotated[str, typer.Option(help="testfleet's namespace in the cluster.")] = "testfleet",
    *,
    as_json: Json = False,
) -> ExitCode:
    """Check this environment.

    It checks the machine, and the pod, database, queues, bucket and cluster that the environment names. Each finding
    that is not ok comes with its fix. Exit code: 0 nothing is wrong, 1 something is.
    """
    findings = list(checks.examination.examine(cli.connect.settings(), namespace=namespace))
    if as_json:
        output.console.write_json(findings)
    else:
        output.console.write(checks.examination.table(findings))
    return ExitCode.FAILED if any(one.status == "wrong" for one in findings) else ExitCode.OK
