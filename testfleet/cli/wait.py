"""`testfleet wait`."""

from testfleet import cli, results
from testfleet.cli import durations
from testfleet.cli.options import Json, RunId, Timeout
from testfleet.exit_codes import ExitCode


def wait(run_id: RunId, timeout: Timeout = "1h", *, as_json: Json = False) -> ExitCode:
    """Wait for a run's verdict: the gate of a pipeline.

    Exit code: 0 passed, 1 failed, 2 errored or without any verdict, 3 not finished in time, 4 cancelled.
    """
    results.run_id.check(run_id)
    seconds = durations.parse(timeout, option="--timeout")
    return cli.connect.gate(cli.connect.settings()).wait(run_id, timeout=seconds, as_json=as_json)
