"""Compares the cases of two runs: what broke between them, what was fixed, added, removed, slower or faster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from testfleet.database.connection import Connection
from testfleet.results import runs
from testfleet.results.runs import CaseStatus, RunRow

Change = Literal["broke", "fails_in_both", "fixed", "skipped", "added", "removed", "slower", "faster"]

CHANGES: tuple[Change, ...] = ("broke", "fails_in_both", "fixed", "skipped", "added", "removed", "slower", "faster")
"""The changes in the order of the answer."""

SLOWER_FACTOR = 1.5
"""A case that passed in both runs is slower (or faster) if its duration differs by this factor …"""

SLOWER_MS = 100.0
"""… and by this many milliseconds. Two single durations prove no slowdown; `testfleet trends` has a test for that."""


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case that differs between two runs. The fields of a run in which the case does not exist are None."""

    change: Change
    name: str
    file: str | None
    before_status: CaseStatus | None
    after_status: CaseStatus | None
    before_ms: float | None
    after_ms: float | None
    message: str | None
    """Why the case failed in the second run."""
    location: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs and the cases that differ. `counts` has all of them, `cases` at most the limit of each change."""

    before: RunRow
    after: RunRow
    counts: Mapping[Change, int]
    cases: tuple[CaseChange, ...]


# Both runs are read by the beginning of the primary key. The subqueries let the planner leave out the other days.
CHANGED = """
    WITH changed AS (
        SELECT coalesce(a.name, b.name) AS name, coalesce(b.file, a.file) AS file,
               a.status AS before_status, b.status AS after_status,
               a.duration_ms AS before_ms, b.duration_ms AS after_ms, b.message, b.location,
               CASE
                   WHEN b.name IS NULL THEN 'removed'
                   WHEN a.name IS NULL THEN 'added'
                   WHEN b.status IN ('failed', 'errored')
                       THEN CASE WHEN a.status IN ('failed', 'errored') THEN 'fails_in_both' ELSE 'broke' END
                   WHEN b.status = 'passed' AND a.status IN ('failed', 'errored') THEN 'fixed'
                   WHEN b.status = 'skipped' AND a.status <> 'skipped' THEN 'skipped'
                   WHEN a.status <> 'passed' OR b.status <> 'passed' THEN NULL
                   WHEN b.duration_ms >= a.duration_ms * %(factor)s AND b.duration_ms - a.duration_ms >= %(ms)s
                       THEN 'slower'
                   WHEN a.duration_ms >= b.duration_ms * %(factor)s AND a.duration_ms - b.duration_ms >= %(ms)s
                       THEN 'faster'
               END AS change
        FROM (
            SELECT name, file, status, duration_ms FROM test_cases
            WHERE day = (SELECT day FROM test_runs WHERE run_id = %(before)s) AND run_id = %(before)s
        ) AS a
        FULL JOIN (
            SELECT name, file, status, duration_ms, message, location FROM test_cases
            WHERE day = (SELECT day FROM test_runs WHERE run_id = %(after)s) AND run_id = %(after)s
        ) AS b ON b.name = a.name
    ), ranked AS (
        SELECT *, count(*) OVER (PARTITION BY change) AS of_change,
            row_number() OVER (
                PARTITION BY change ORDER BY abs(coalesce(after_ms - before_ms, 0)) DESC, name
            ) AS place
        FROM changed WHERE change IS NOT NULL
    )
    SELECT change, name, file, before_status, after_status, before_ms, after_ms, message, location, of_change
    FROM ranked WHERE place <= %(limit)s
    ORDER BY array_position(%(changes)s::text[], change), place
"""


def compare(connection: Connection, before: str, after: str, *, limit: int = 20) -> Comparison | None:
    """Return what changed from one run to another, at most `limit` cases of each change. None if a run has no row."""
    first, second = runs.get(connection, before), runs.get(connection, after)
    if first is None or second is None:
        return None
    values = {
        "before": before,
        "after": after,
        "limit": limit,
        "changes": list(CHANGES),
        "factor": SLOWER_FACTOR,
        "ms": SLOWER_MS,
    }
    rows = connection.rows(CHANGED, values)
    found = {row["change"]: row.pop("of_change") for row in rows}
    counts: dict[Change, int] = {change: found.get(change, 0) for change in CHANGES}
    return Comparison(first, second, counts, tuple(CaseChange(**row) for row in rows))
