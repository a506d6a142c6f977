"""Polls a run until it is finished."""

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
    """The result of one poll after `elapsed` seconds: the run, or None if the database has no row.

    If the poll failed, `outage` is the reason, and the run is that of the last successful poll.
    """

    run: RunRow | None
    elapsed: float
    outage: str | None = None


class Poller:
    """Polls one run over one connection, which is opened again after an outage."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database = database
        self._run_id = run_id
        self._open = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def poll(self) -> RunRow | None:
        """Return the run, or None if the database has no row.

        Raises:
            Unavailable: the database is out of reach now. The next poll opens a new connection.
            BadSetting: as `Database.connect`.
        """
        return self._run(runs.get)

    def detail(self) -> RunDetail | None:
        """Return the run with its shards, cases and artifacts, or None if the database has no row.

        Raises:
            Unavailable, BadSetting: as `poll`.
        """
        return self._run(runs.detail)

    def _run(self, query: Callable[[Connection, str], T]) -> T:
        if self._connection is None:
            self._connection = self._open.enter_context(self._database.connect())
        try:
            return query(self._connection, self._run_id)
        except Unavailable:
            self._connection = None
            self._open.close()
            raise


def until_finished(
    poll: Callable[[], RunRow | None],
    show: Callable[[Snapshot], None],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RunRow | None:
    """Poll until the run is finished or `timeout` seconds are over, and return the run of the last poll.

    `show` gets the result of each poll. After the first successful poll, outages are retried.

    Raises:
        Unavailable: the database was out of reach at the first poll, or is at the last.
    """
    start = clock()
    last: RunRow | None = None
    connected = False
    while True:
        outage: Unavailable | None = None
        try:
            last = poll()
            connected = True
        except Unavailable as error:
            if not connected:
                raise
            outage = error
        elapsed = clock() - start
        show(Snapshot(last, elapsed, str(outage) if outage else None))
        if last and last.finished:
            return last
        if elapsed >= timeout:
            if outage:
                raise outage
            return last
        sleep(min(POLL_SECONDS, timeout - elapsed))
