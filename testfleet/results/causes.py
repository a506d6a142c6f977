"""Causes of failures: of one run, or of all runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from testfleet.database.connection import Connection

Order = Literal["last", "most"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of `causes`: failures whose messages are the same but for the values of one run."""

    id: int
    fingerprint: str
    error_type: str | None
    example: str
    """The message of the first failure."""
    first_seen_at: datetime
    first_run_id: str
    last_seen_at: datetime
    last_run_id: str
    suites: tuple[str, ...]
    occurrences: int
    """Failures in finished runs."""
    owner: str | None


@dataclass(frozen=True, slots=True)
class RunCause:
    """A cause of a run's failures: a row of the view `run_causes`.

    The fields of the cause are None for failures without a message, which have no known cause.
    """

    cause_id: int | None
    failures: int
    new_failures: int
    quarantined: int
    case_name: str
    """The first of the cases."""
    error_type: str | None
    example: str | None
    first_seen_at: datetime | None
    first_run_id: str | None
    last_seen_at: datetime | None
    suites: tuple[str, ...]
    occurrences: int | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class RunCauses:
    """The causes of one run: their number, that of the failures, and the causes with most failures."""

    run_id: str
    failures: int
    causes: int
    rows: tuple[RunCause, ...]


ALL = """
    SELECT id, fingerprint, error_type, example, first_seen_at, first_run_id, last_seen_at, last_run_id, suites,
           occurrences, owner
    FROM causes
    WHERE %(suite)s::text IS NULL OR suites @> ARRAY[%(suite)s::text]
    ORDER BY CASE WHEN %(order)s = 'most' THEN occurrences END DESC, last_seen_at DESC, id DESC
    LIMIT %(limit)s
"""

OF_RUN = """
    SELECT cause_id, failures, new_failures, quarantined, case_name, error_type, example, first_seen_at, first_run_id,
           last_seen_at, coalesce(suites, '{}') AS suites, occurrences, owner,
           sum(failures) OVER ()::bigint AS all_failures, count(*) OVER () AS all_causes
    FROM run_causes
    WHERE run_id = %(run_id)s
    ORDER BY new_failures DESC, failures DESC, case_name
    LIMIT %(limit)s
"""


def newest(
    connection: Connection, *, suite: str | None = None, order: Order = "last", limit: int = 20
) -> tuple[Cause, ...]:
    """Return the causes that were seen last, or those of most failures."""
    rows = connection.rows(ALL, {"suite": suite, "order": order, "limit": limit})
    return tuple(Cause(**_with_suites(row)) for row in rows)


def of_run(connection: Connection, run_id: str, *, limit: int = 20) -> RunCauses:
    """Return the causes of a run. Those of new failures come first, then those of most failures."""
    rows = connection.rows(OF_RUN, {"run_id": run_id, "limit": limit})
    failures, causes = _totals(rows)
    return RunCauses(run_id, failures, causes, tuple(RunCause(**_with_suites(row)) for row in rows))


def _totals(rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Remove the columns of the totals, which each row has, and return them."""
    totals = [(row.pop("all_failures"), row.pop("all_causes")) for row in rows]
    return totals[0] if totals else (0, 0)


def _with_suites(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "suites": tuple(row["suites"])}
