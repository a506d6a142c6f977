"""Finished runs of the past, folded into the summaries as the reporter's last transaction does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

_RUN = """
INSERT INTO test_runs (run_id, suite, branch, commit, status, shards, shards_done, total, passed, failed, errored,
                       skipped, flaky, queued_at, started_at, finished_at, day)
VALUES (%(run_id)s, %(suite)s, %(branch)s, %(commit)s, %(status)s, 1, 1, %(total)s, %(passed)s, %(failed)s,
        %(errored)s, %(skipped)s, %(flaky)s, %(started_at)s, %(started_at)s, %(finished_at)s,
        (%(started_at)s::timestamptz AT TIME ZONE 'UTC')::date)
"""
_CASE = """
INSERT INTO test_cases (run_id, day, name, shard, attempt, file, status, flaky, tries, duration_ms)
VALUES (%s, (%s::timestamptz AT TIME ZONE 'UTC')::date, %s, 1, 1, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class PastCase:
    """A case of a past run. `flaky` with two tries is a case that passed on retry."""

    status: str
    flaky: bool = False
    tries: int = 1
    duration_ms: float | None = 100.0
    file: str | None = None


OUTCOMES = {
    "passed": PastCase("passed"),
    "retried": PastCase("passed", flaky=True, tries=2),
    "failed": PastCase("failed"),
    "errored": PastCase("errored"),
    "skipped": PastCase("skipped"),
}


@dataclass(frozen=True)
class Past:
    """Adds runs to a database in the order of their end."""

    connection: psycopg.Connection

    def run(
        self,
        run_id: str,
        cases: Mapping[str, str | PastCase],
        *,
        at: datetime,
        minutes: float = 10,
        commit: str | None = None,
        suite: str = "checkout",
        branch: str | None = "main",
        status: str | None = None,
    ) -> None:
        """Insert a run that ended at `at` after `minutes`, and fold it. A case is an outcome's name or a `PastCase`."""
        rows = {name: OUTCOMES[case] if isinstance(case, str) else case for name, case in cases.items()}
        counts = {
            status: sum(case.status == status for case in rows.values())
            for status in ("passed", "failed", "errored", "skipped")
        }
        started_at = at - timedelta(minutes=minutes)
        verdict = status or ("failed" if counts["failed"] + counts["errored"] else "passed")
        values = {"run_id": run_id, "suite": suite, "branch": branch, "commit": commit, "status": verdict}
        times = {"started_at": started_at, "finished_at": at}
        flaky = sum(case.flaky for case in rows.values())
        self.connection.execute(_RUN, {**values, **counts, **times, "flaky": flaky, "total": len(rows)})
        with self.connection.cursor() as cursor:
            cursor.executemany(
                _CASE,
                [
                    (run_id, started_at, name, case.file, case.status, case.flaky, case.tries, case.duration_ms)
                    for name, case in rows.items()
                ],
            )
        self.connection.execute("SELECT fold_run(%s)", [run_id])
