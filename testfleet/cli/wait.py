"""`testfleet wait`."""

from testfleet import cli, results
from testfleet.cli import durations
from testfleet.cli.options import Json, MinCases, RunId, Timeout
from testfleet.exit_codes import ExitCode


def wait(run_id: RunId, timeout: Timeout = "1h", *, min_cases: MinCases = None, as_json: Json = False) -> ExitCode:
    """Wait for a run's verdict: the gate of a pipeline.

    Exit code: 0 passed, 1 failed, 2 errored or without any verdict, 3 not finished in time, 4 cancelled,
    5 passed with too few cases (--min-cases).
    """
    results.run_id.check(run_id)
    seconds = durations.parse(timeout, option="--timeout")
    least = results.completeness.parse(min_cases) if min_cases is not None else None
    return cli.connect.gate(cli.connect.settings()).wait(run_id, timeout=seconds, min_cases=least, as_json=as_json)
