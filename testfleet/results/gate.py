"""The gate of a pipeline: waits for a verdict, shows the progress, prints the verdict and its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass

from testfleet import queue
from testfleet.database.connection import Database
from testfleet.errors import CommandError, Unavailable
from testfleet.exit_codes import ExitCode
from testfleet.output import console, units
from testfleet.output.streams import to_stderr
from testfleet.results import completeness, progress, render
from testfleet.results.completeness import MinCases
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
    """The gate of a pipeline. If a run does not finish, it prints the depths of `queues` (name and URL)."""

    database: Database
    queues: Mapping[str, str | None]

    def wait(
        self, run_id: str, *, timeout: float, min_cases: MinCases | None = None, as_json: bool = False
    ) -> ExitCode:
        """Wait at most `timeout` seconds for the verdict. It goes to stdout, everything else to stderr.

        A run that passed with fewer cases than `min_cases` gets the exit code of an incomplete run.

        Raises:
            Unavailable: the database was out of reach at the first poll, or is at the last.
        """
        with Poller(self.database, run_id) as poller:
            with progress.shown(run_id) as show:
                run = until_finished(poller.poll, show, timeout=timeout)
            if run is None:
                detail = None
            else:
                try:
                    detail = poller.detail()
                except Unavailable as error:  # the verdict is known
                    to_stderr(f"testfleet: {error}; the cases cannot be shown")
                    detail = RunDetail(run, (), (), ())
        try:
            if as_json:
                console.write_json(detail)
            elif detail:
                console.write(render.verdict(detail))
        except Unavailable as error:  # lost output does not change the exit code
            to_stderr(f"testfleet: {error}")
        code = exit_code(run)
        if code is ExitCode.NOT_FINISHED:
            to_stderr(f"testfleet: {run_id} is not finished after {units.duration(timeout * 1000)}")
            for line in (*render.missing(detail), *self._depths()):
                to_stderr(f"testfleet: {line}")
        elif run is not None and min_cases is not None and (problem := completeness.shortfall(run, min_cases)):
            to_stderr(f"testfleet: {problem}")
            return ExitCode.INCOMPLETE if code is ExitCode.OK else code
        return code

    def _depths(self) -> list[str]:
        """Return one line for each queue: its depth, which shows where missing shards may be."""
        lines = []
        for name, url in self.queues.items():
            if url is None:
                continue
            try:
                depth = queue.sqs.Queue(url, name=name).depth()
            except CommandError as error:  # the depth is only a hint
                lines.append(str(error))
            else:
                lines.append(f"{name}: {depth.waiting} waiting, {depth.in_flight} in flight")
        return lines


def exit_code(run: RunRow | None) -> ExitCode:
    """Return the exit code for the run's status."""
    return _VERDICTS.get(run.status, ExitCode.NOT_FINISHED) if run else ExitCode.NOT_FINISHED
