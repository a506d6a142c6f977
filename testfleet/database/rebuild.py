"""Recomputes the summaries of cases from the rows of all runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from testfleet.database.connection import Database
from testfleet.database.maintenance import Maintenance, maintenance
from testfleet.errors import Refused

RUNS_AT_ONCE = 20
"""Runs that one transaction folds. Verdicts of the suite wait for it."""

_SUITES = """
SELECT DISTINCT suite FROM test_runs
WHERE suite IS NOT NULL AND status IN ('passed', 'failed', 'errored') ORDER BY suite
"""
_DROPPED = """
SELECT until FROM dropped_cases
WHERE EXISTS (SELECT FROM test_runs WHERE (%(suite)s::text IS NULL OR suite = %(suite)s) AND day < until)
"""
_BEGIN = "SELECT begin_rebuild(%(suite)s) AS runs"
_CONTINUE = "SELECT continue_rebuild(%(suite)s, %(at_once)s) AS runs"
_ADOPT_CAUSES = "SELECT adopt_fingerprints()"
_COUNT_CAUSES = "SELECT recount_causes()"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A suite whose summaries were recomputed, and the number of its runs."""

    suite: str
    runs: int


def rebuild(database: Database, *, suite: str | None = None, forget: bool = False) -> Iterator[Rebuilt]:
    """Recompute the summaries of one suite or of all. Yield each suite that is done.

    Runs may end meanwhile: the rebuild folds them, too. A rebuild that broke off begins again. `forget` accepts that
    summaries lose the runs whose cases `retain` dropped.

    Raises:
        Refused: no run of the suite has a verdict, or cases were dropped and `forget` is False.
        Unavailable, BadSetting: as `Database.open`.
    """
    with maintenance(database) as connection:
        suites = [row["suite"] for row in connection.rows(_SUITES) if suite in {None, row["suite"]}]
        if suite is not None and not suites:
            raise Refused(f"--suite: no run of suite {suite} has a verdict")
        dropped = connection.rows(_DROPPED, {"suite": suite})
        if dropped and not forget:
            raise Refused(
                f"cases before {dropped[0]['until']} were dropped, so the summaries would forget them; "
                "pass --forget to accept that"
            )
        connection.rows(_ADOPT_CAUSES)
        for one in suites:
            yield Rebuilt(one, _fold(connection, one))
        connection.rows(_COUNT_CAUSES)


def _fold(connection: Maintenance, suite: str) -> int:
    connection.rows(_BEGIN, {"suite": suite})
    runs = 0
    while True:
        folded: int = connection.rows(_CONTINUE, {"suite": suite, "at_once": RUNS_AT_ONCE})[0]["runs"]
        runs += folded
        if folded < RUNS_AT_ONCE:
            return runs
