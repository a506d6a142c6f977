"""Gives each failure of a run its cause: a known one with the same fingerprint or nearly the same text, or a new."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reporter.junit.cause import Cause
from reporter.junit.failure_message import without_places
from reporter.results.cause_joining import Known
from reporter.results.database import Connection

MAX_NEW = 300
"""Largest number of new fingerprints of one run, the most frequent first. Other failures have no cause in this run."""

MAX_RECENT = 500
"""Largest number of the suite's causes that a new fingerprint is compared with, the last seen first."""

_UNKNOWN = """
WITH unknown AS (
    SELECT c.fingerprint, count(*) AS failures, min(c.name) AS name
    FROM test_cases AS c
    WHERE c.run_id = $1 AND c.day = $2 AND c.status IN ('failed', 'errored') AND c.fingerprint IS NOT NULL
      AND NOT EXISTS (SELECT FROM cause_fingerprints AS known WHERE known.fingerprint = c.fingerprint)
    GROUP BY c.fingerprint
    ORDER BY failures DESC, c.fingerprint
    LIMIT $3
)
SELECT unknown.fingerprint, c.error_type, coalesce(c.message, '') AS message, c.location
FROM unknown JOIN test_cases AS c ON c.run_id = $1 AND c.day = $2 AND c.name = unknown.name
ORDER BY unknown.failures DESC, unknown.fingerprint
"""
_RECENT = """
SELECT c.fingerprint, c.error_type, c.normalised, c.exact
FROM test_runs AS r JOIN causes AS c ON c.suites @> ARRAY[r.suite]
WHERE r.run_id = $1
ORDER BY c.last_seen_at DESC, c.id DESC
LIMIT $2
"""
# Sorted, here and below: two suites that add the same rows at once then wait for each other in one direction only.
_ADD_CAUSES = """
INSERT INTO causes (fingerprint, error_type, example, normalised, exact, first_seen_at, first_run_id, last_seen_at,
                    last_run_id, suites)
SELECT new.fingerprint, new.error_type, new.example, new.normalised, new.exact, r.finished_at, r.run_id, r.finished_at,
       r.run_id, ARRAY[r.suite]
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
     AS new (fingerprint, error_type, example, normalised, exact)
CROSS JOIN (SELECT run_id, suite, finished_at FROM test_runs WHERE run_id = $1) AS r
ORDER BY new.fingerprint
ON CONFLICT (fingerprint) DO NOTHING
"""
_ADD_FINGERPRINTS = """
INSERT INTO cause_fingerprints (fingerprint, cause_id)
SELECT new.fingerprint, c.id
FROM unnest($1::text[], $2::text[]) AS new (fingerprint, cause) JOIN causes AS c ON c.fingerprint = new.cause
ORDER BY new.fingerprint
ON CONFLICT (fingerprint) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """A fingerprint that has no cause yet, and the message of one failure with it."""

    fingerprint: str
    message: str
    cause: Cause


async def join_causes(connection: Connection, run_id: str, day: date) -> None:
    """Give each fingerprint of the run's failures a cause, within the transaction that has set the run's verdict.

    The transaction holds the lock of the suite's summaries: two runs with the same new cause make one. The fold reads
    the causes afterwards. A second call changes no row.
    """
    unknown = [_failure(dict(row)) for row in await connection.fetch(_UNKNOWN, run_id, day, MAX_NEW)]
    if not unknown:
        return
    recent = {
        row["fingerprint"]: Cause(row["error_type"], row["normalised"], by_file=row["exact"])
        for row in await connection.fetch(_RECENT, run_id, MAX_RECENT)
    }
    joined = await asyncio.to_thread(join, unknown, recent)  # comparing hundreds of texts takes some 100 ms
    new = [one for one in unknown if joined[one.fingerprint] == one.fingerprint]
    await connection.execute(
        _ADD_CAUSES,
        run_id,
        [one.fingerprint for one in new],
        [one.cause.kind for one in new],
        [one.message for one in new],
        [one.cause.text for one in new],
        [one.cause.by_file for one in new],
    )
    await connection.execute(_ADD_FINGERPRINTS, list(joined), list(joined.values()))


def join(unknown: Sequence[Failure], recent: Mapping[str, Cause]) -> dict[str, str]:
    """Return the fingerprint of the cause for each new fingerprint. A new cause has the fingerprint of its failure.

    `recent` are the known causes by their fingerprints, the last seen first.
    """
    known = Known(recent.values())
    causes = list(recent)
    joined: dict[str, str] = {}
    for one in unknown:
        index = known.nearest(one.cause)
        if index is None:
            known.add(one.cause)
            causes.append(one.fingerprint)
        joined[one.fingerprint] = one.fingerprint if index is None else causes[index]
    return joined


def _failure(row: Mapping[str, Any]) -> Failure:
    message = row["message"]
    cause = Cause.of(row["error_type"], without_places(message), row["location"])
    return Failure(row["fingerprint"], message, cause)
