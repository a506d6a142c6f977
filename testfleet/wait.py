"""Waits for a run's verdict: the gate of a pipeline."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, TypeVar

from testfleet import runs
from testfleet.database import Database, Session
from testfleet.errors import Unavailable
from testfleet.exit_codes import ExitCode
from testfleet.runs import Detail, Run

POLL_SECONDS = 1.0

T = TypeVar("T")

_VERDICTS = {
    "passed": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "errored": ExitCode.ERRORED,
    "cancelled": ExitCode.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look showed: the run (None: the database has no row) after `elapsed` seconds of waiting.

    `outage` says why this look failed; the run is then the one last seen.
    """

    run: Run | None
    elapsed: float
    outage: str | None = None


class Window:
    """A look at one run, again and again, over a connection that is made anew when it breaks."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database = database
        self._run_id = run_id
        self._open = ExitStack()
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def look(self) -> Run | None:
        """The run as it stands; None if the database has no row.

        Raises:
            Unavailable: the database is out of reach at the moment; the next look tries to connect again.
            BadSetting: as `Database.session`.
        """
        return self._through(runs.get)

    def detail(self) -> Detail | None:
        """The run with its shards, failing and flaky cases and files.

        Raises:
            Unavailable, BadSetting: as `look`.
        """
        return self._through(runs.detail)

    def _through(self, query: Callable[[Session, str], T]) -> T:
        if self._session is None:
            self._session = self._open.enter_context(self._database.session())
        try:
            return query(self._session, self._run_id)
        except Unavailable:
            self._session = None
            self._open.close()
            raise


def until_finished(
    look: Callable[[], Run | None],
    show: Callable[[Sight], None],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Run | None:
    """Look until the run is finished or `timeout` seconds are over; the answer is the run as last seen.

    An outage after the first look is waited out.

    Raises:
        Unavailable: the database was out of reach at the first look, or is at the end of the time.
    """
    start = clock()
    seen: Run | None = None
    looked = False
    while True:
        outage: Unavailable | None = None
        try:
            seen = look()
            looked = True
        except Unavailable as error:
            if not looked:
                raise
            outage = error
        elapsed = clock() - start
        show(Sight(seen, elapsed, str(outage) if outage else None))
        if seen and seen.finished:
            return seen
        if elapsed >= timeout:
            if outage:
                raise outage
            return seen
        sleep(min(POLL_SECONDS, timeout - elapsed))


def verdict(run: Run | None) -> ExitCode:
    """The exit code that a pipeline decides by."""
    return _VERDICTS.get(run.status, ExitCode.NOT_FINISHED) if run else ExitCode.NOT_FINISHED
