"""The commands `up`, `serve` and `demo`: their options, and what each starts."""

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import structlog
import typer

from runtime import logs
from testfleet.cli import durations
from testfleet.errors import Refused
from testfleet.exit_codes import ExitCode
from testfleet.local import demo as demonstration
from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.local.platform import Address, serving
from testfleet.local.samples import examples, tools
from testfleet.output import console
from testfleet.output.streams import to_stderr, to_stdout

CORES = os.cpu_count() or 1
STATE = Path(".testfleet")
SAMPLES = examples.catalog()

log = structlog.get_logger()

MaxPods = Annotated[
    int, typer.Option(min=1, max=100, help="Maximum number of pods that run at once.", show_default="one per core")
]


def up(
    catalog: Annotated[
        Path, typer.Option(help="The suite catalog.", show_default="that of the sample suites")
    ] = SAMPLES,
    state: Annotated[Path, typer.Option(help="Folder of the database and of the pods; results stay in it.")] = STATE,
    max_pods: MaxPods = CORES,
    ttl: Annotated[str, typer.Option(help="How long a finished pod's folder stays: 90s, 30m, 1h30m.")] = "1h",
    aws_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the AWS endpoint; 0 takes a free one.")] = 0,
) -> ExitCode:
    """Run the whole fleet on this machine until Ctrl-C.

    It prints the environment variables that another terminal needs, and writes them to `env` in the state folder. With
    the sample suites it also runs the web shop that they test. Jobs without a target URL test that shop.
    """
    tools.require_extra("up")
    kept = durations.parse(ttl, option="--ttl")
    logs.configure("info", "console", file=sys.stderr)  # stdout is for the environment variables
    if catalog == SAMPLES:
        _report_left_out(catalog)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as opened:
        shop = opened.enter_context(examples.shop()) if catalog == SAMPLES else None
        config = FleetConfig(state, _existing(catalog), max_pods=max_pods, ttl=kept, aws_port=aws_port, base_url=shop)
        fleet = opened.enter_context(Fleet(config))
        exports = "".join(f"export {name}='{value}'\n" for name, value in fleet.env.items())
        (state / "env").write_text(exports)
        to_stdout(f"{exports}# or: source {state / 'env'}")
        log.info("fleet_up", max_pods=max_pods, state=str(state), shop=shop)
        while not stop.wait(1) and not fleet.broken.is_set():
            pass
        log.info("fleet_stopping")
    return ExitCode.OK if stop.is_set() else ExitCode.SOFTWARE


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
    tools.require_extra("serve")
    logs.configure("info", "json")
    stop, broken = threading.Event(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def on_death(detail: str) -> None:
        log.error("server_died", detail=detail)
        broken.set()
        stop.set()

    ready = state / "env"
    ready.unlink(missing_ok=True)
    address = Address(host, aws_port, database_port, shop_port)
    with serving(address, state.absolute(), password, on_death) as env:
        ready.write_text("".join(f"export {name}='{value}'\n" for name, value in env.items()))
        log.info("serving", host=host)
        stop.wait()
        ready.unlink()
    return ExitCode.SOFTWARE if broken.is_set() else ExitCode.OK


def demo(
    max_pods: MaxPods = CORES,
    timeout: Annotated[str, typer.Option(help="Maximum time for all suites: 90s, 5m.")] = "5m",
) -> ExitCode:
    """Run four suites against a small web shop, on a whole fleet on this machine.

    One case fails on purpose and one is flaky. Exit code: 0 if every run got its expected verdict, otherwise 1.
    """
    tools.require_extra("demo")
    seconds = durations.parse(timeout, option="--timeout")
    missing = _report_left_out(SAMPLES)
    logs.configure("error", "console", file=sys.stderr)  # stdout is for the table
    state = STATE / "demo"
    with Fleet(FleetConfig(state, _existing(SAMPLES), max_pods=max_pods)) as fleet:
        ended = demonstration.run(fleet, timeout=seconds, left_out=missing)
    for block in ended.report:
        console.write(block)
    to_stderr(f"testfleet: the bucket is deleted; traces, reports and logs remain in {state / 'pods'}")
    if ended.unfinished and not fleet.broken.is_set():
        suites = ", ".join(ended.unfinished)
        to_stderr(f"testfleet: --timeout: not finished within {timeout}: {suites}; allow more time")
        return ExitCode.FAILED
    if not ended.as_expected:
        to_stderr("testfleet: not every run got its expected verdict")
        return ExitCode.FAILED
    to_stderr("testfleet: every run got its expected verdict; `testfleet up` keeps such a fleet running")
    return ExitCode.OK


def _report_left_out(catalog: Path) -> frozenset[str]:
    """Return the sample suites whose tool is missing, and print one line for each."""
    reasons = tools.left_out(catalog, os.environ)
    for suite, reason in reasons.items():
        to_stderr(f"testfleet: {suite} is left out: {reason}")
    return frozenset(reasons)


def _existing(catalog: Path) -> Path:
    if not catalog.is_file():
        raise Refused(f"--catalog: {catalog} does not exist")
    return catalog
