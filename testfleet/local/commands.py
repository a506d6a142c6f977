"""Implements the commands `up`, `serve` and `demo`. Their options are in `testfleet.cli`."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import structlog

from runtime import logs
from testfleet.errors import Refused
from testfleet.exit_codes import ExitCode
from testfleet.local import demo as demonstration
from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.local.platform import Address, serving
from testfleet.local.samples import examples, tools
from testfleet.output import console, units
from testfleet.output.streams import to_stderr, to_stdout

log = structlog.get_logger()


def up(*, catalog: Path | None, state: Path, max_pods: int, ttl: float, aws_port: int) -> ExitCode:
    """Run a fleet until SIGINT or SIGTERM. None stands for the catalog of the sample suites. `ttl` is in seconds."""
    tools.require_extra("up")
    logs.configure("info", "console", file=sys.stderr)  # stdout is for the environment variables
    samples = examples.catalog()
    catalog = catalog or samples
    if catalog == samples:
        _report_left_out(catalog)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as opened:
        shop = opened.enter_context(examples.shop()) if catalog == samples else None
        config = FleetConfig(
            state,
            _existing(catalog),
            max_pods=max_pods,
            ttl=ttl,
            aws_port=aws_port,
            base_url=shop,
        )
        fleet = opened.enter_context(Fleet(config))
        exports = _write_exports(state / "env", fleet.env)
        to_stdout(f"{exports}# or: source {state / 'env'}")
        log.info("fleet_up", max_pods=max_pods, state=str(state), shop=shop)
        while not stop.wait(1) and not fleet.broken.is_set():
            pass
        log.info("fleet_stopping")
    return ExitCode.OK if stop.is_set() else ExitCode.SOFTWARE


def serve(address: Address, *, state: Path, password: str) -> ExitCode:
    """Serve a cluster without AWS until SIGINT, SIGTERM or the end of a server."""
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
    with serving(address, state.absolute(), password, on_death) as env:
        _write_exports(ready, env)
        log.info("serving", host=address.host)
        stop.wait()
        ready.unlink()
    return ExitCode.SOFTWARE if broken.is_set() else ExitCode.OK


def demo(*, state: Path, max_pods: int, timeout: float) -> ExitCode:
    """Run the sample suites on a fleet for at most `timeout` seconds, and compare the verdicts with the expected."""
    tools.require_extra("demo")
    missing = _report_left_out(examples.catalog())
    logs.configure("error", "console", file=sys.stderr)  # stdout is for the table
    with Fleet(FleetConfig(state, _existing(examples.catalog()), max_pods=max_pods)) as fleet:
        ended = demonstration.run(fleet, timeout=timeout, left_out=missing)
    for block in ended.report:
        console.write(block)
    to_stderr(f"testfleet: the bucket is deleted; traces, reports and logs remain in {state / 'pods'}")
    if ended.unfinished and not fleet.broken.is_set():
        suites = ", ".join(ended.unfinished)
        limit = units.duration(timeout * 1000)
        to_stderr(f"testfleet: --timeout: not finished within {limit}: {suites}; allow more time")
        return ExitCode.FAILED
    if not ended.as_expected:
        to_stderr("testfleet: not every run got its expected verdict")
        return ExitCode.FAILED
    to_stderr("testfleet: every run got its expected verdict; `testfleet up` keeps such a fleet running")
    return ExitCode.OK


def _write_exports(file: Path, env: Mapping[str, str]) -> str:
    """Write the variables as lines for a shell, and return them. A probe waits for the file, so it appears whole."""
    exports = "".join(f"export {name}='{value}'\n" for name, value in env.items())
    unfinished = file.with_name(f".{file.name}")
    unfinished.write_text(exports)
    unfinished.replace(file)
    return exports


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
