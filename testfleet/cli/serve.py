"""`testfleet serve`."""

from pathlib import Path
from typing import Annotated

import typer

from testfleet import local
from testfleet.cli.options import STATE
from testfleet.exit_codes import ExitCode


def serve(
    *,
    host: Annotated[str, typer.Option(help="The host name under which pods reach this machine.")],
    password: Annotated[
        str,
        typer.Option(
            envvar="TESTFLEET_SERVE_PASSWORD", help="Password of the database user postgres.", show_default=False
        ),
    ],
    state: Annotated[Path, typer.Option(help="Folder of the database; results stay in it.")] = STATE,
    aws_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the AWS endpoint.")] = 5000,
    database_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of PostgreSQL.")] = 5432,
    shop_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the sample web shop.")] = 8080,
) -> ExitCode:
    """Serve a cluster without AWS until SIGTERM: AWS endpoint, PostgreSQL and the sample web shop.

    The servers listen on all addresses. The endpoint checks no credentials, so use it for trials only. The command
    exits with 70 when one of its servers ends unexpectedly, so that Kubernetes restarts the container.
    """
    address = local.platform.Address(host, aws_port, database_port, shop_port)
    return local.commands.serve(address, state=state, password=password)
