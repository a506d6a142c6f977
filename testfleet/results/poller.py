"""Reads one run again and again until it is finished."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, TypeVar

from testfleet.database.connection import Connection, Database
from testfleet.errors import Unavailable
from testfleet.results import runs
from testfleet.results.runs import RunDetail, RunRow

POLL_SECONDS = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look showed: the run (None: the database has no row) after `elapsed` seconds of waiting.

    `outage` says why this look failed; the run is then the one last seen.
    """

    run: RunRow | None
    elapsed: float
    outage: str | None = None


class Poller:
    """A look at one run, again and again, over a connection that is made anew when it breaks."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database = database
        self._run_id = run_id
        self._open = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def look(self) -> RunRow | None:
        """The run as it stands; None if the database has no row.

        Raises:
            Unavailable: the database is out of reach at the moment; the next look tries to connect again.
            BadSetting: as `Database.connect`.
        """
        return self._through(runs.get)

    def detail(self) -> RunDetail | None:
        """The run with its shards, failing and flaky cases and files.

        Raises:
            Unavailable, BadSetting: as `look`.
        """
        return self._through(runs.detail)

    def _through(self, query: Callable[[Connection, str], T]) -> T:
        if self._connection is None:
            self._connection = self._open.enter_context(self._database.connect())
        try:
            return query(self._connection, self._run_id)
        except Unavailable:
            self._connection = None
            self._open.close()
            raise


def until_finished(
    look: Callable[[], RunRow | None],
    show: Callable[[Snapshot], None],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RunRow | None:
    """Look until the run is finished or `timeout` seconds are over; the answer is the run as last seen.

    An outage after the first look is waited out.

    Raises:
        Unavailable: the database was out of reach at the first look, or is at the end of the time.
    """
    start = clock()
    seen: RunRow | None = None
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
        show(Snapshot(seen, elapsed, str(outage) if outage else None))
        if seen and seen.finished:
            return seen
        if elapsed >= timeout:
            if outage:
                raise outage
            return seen
        sleep(min(POLL_SECONDS, timeout - elapsed))
