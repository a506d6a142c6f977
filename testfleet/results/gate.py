"""The gate of a pipeline: wait show the progress, end with the verdict and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from testfleet import queue
from testfleet.database.connection import Database
from testfleet.errors import CommandError, Unavailable
from testfleet.exit_codes import ExitCode
from testfleet.output import console, units
from testfleet.output.streams import to_stderr
from testfleet.results import progress, render
from testfleet.results.poller import Poller, until_finished
from testfleet.results.runs import RunDetail, RunRow

_VERDICTS = {
    "passed": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "errored": ExitCode.ERRORED,
    "cancelled": ExitCode.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """Where to look. `queues` (what to call it, its URL) are asked for their depth when a run does not finish."""

    database: Database
    queues: Mapping[str, str | None]

    def wait(self, run_id: str, *, timeout: float, as_json: bool = False) -> ExitCode:
        """Wait at most `timeout` seconds; the verdict goes to stdout, everything else to stderr.

        Raises:
            Unavailable: the database was out of reach at the start, or is at the end of the time.
        """
        with Poller(self.database, run_id) as poller:
            with progress.shown(run_id) as show:
                run = until_finished(poller.look, show, timeout=timeout)
            if run is None:
                detail = None
            else:
                try:
                    detail = poller.detail()
                except Unavailable as error:  # the verdict stands all the same
                    to_stderr(f"testfleet: {error}; the cases cannot be shown")
                    detail = RunDetail(run, (), (), ())
        try:
            if as_json:
                console.write_json(detail)
            elif detail:
                console.write(render.verdict(detail))
        except Unavailable as error:  # likewise
            to_stderr(f"testfleet: {error}")
        code = exit_code(run)
        if code is ExitCode.NOT_FINISHED:
            to_stderr(f"testfleet: {run_id} is not finished after {units.duration(timeout * 1000)}")
            for line in (*render.missing(detail), *self._depths()):
                to_stderr(f"testfleet: {line}")
        return code

    def _depths(self) -> list[str]:
        """Where the missing shards may be."""
        lines = []
        for name, url in self.queues.items():
            if url is None:
                continue
            try:
                depth = queue.sqs.Queue(url, name=name).depth()
            except CommandError as error:  # a hint, not the answer
                lines.append(str(error))
            else:
                lines.append(f"{name}: {depth.waiting} waiting, {depth.in_flight} in flight")
        return lines


def exit_code(run: RunRow | None) -> ExitCode:
    """The exit code that a pipeline decides by."""
    return _VERDICTS.get(run.status, ExitCode.NOT_FINISHED) if run else ExitCode.NOT_FINISHED
