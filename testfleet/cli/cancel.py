"""`testfleet cancel`."""

from testfleet import cli, results
from testfleet.cli.options import RunId
from testfleet.output.streams import to_stdout


def cancel(run_id: RunId) -> None:
    """Cancel a run.

    Queued shards never start, and running ones stop. A run that has its verdict keeps it; the exit code is then 64.
    """
    results.run_id.check(run_id)
    done = results.cancel.cancel(cli.connect.results_database(cli.connect.settings()), run_id)
    to_stdout(f"{run_id} is cancelled" if done else f"{run_id} was cancelled already")
