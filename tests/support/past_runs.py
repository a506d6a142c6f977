"""Finished runs with cases, written and folded in place of a reporter."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg

STATUSES = {"p": "passed", "f": "failed", "e": "errored", "s": "skipped", "r": "passed"}
"""The status of a case by its outcome. `r` passed after a failed try."""

_RUN: LiteralString = """
    INSERT INTO test_runs (run_id, suite, branch, commit, author, day, status, shards, shards_done, total, passed,
                           failed, errored, skipped, flaky, queued_at, started_at, finished_at)
    VALUES (%(run_id)s, %(suite)s, %(branch)s, %(commit)s, %(author)s, %(day)s, %(status)s, 1, 1, %(total)s, %(passed)s,
            %(failed)s, %(errored)s, %(skipped)s, %(flaky)s, %(at)s, %(at)s, %(finished_at)s)
"""
_SHARD: LiteralString = """
    INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, worker, message_id, cases, started_at,
                             finished_at)
    VALUES (%(run_id)s, 1, 'c', 1, %(status)s, 'pod-a', 'm', %(total)s, %(at)s, %(finished_at)s)
"""
_CASE: LiteralString = """
    INSERT INTO test_cases (run_id, day, name, shard, attempt, file, status, flaky, tries, duration_ms, message, error,
                            fingerprint)
    VALUES (%(run_id)s, %(day)s, %(name)s, 1, 1, %(file)s, %(status)s, %(flaky)s, %(tries)s, %(ms)s, %(message)s,
            %(message)s, %(fingerprint)s)
"""
_TRY: LiteralString = """
    INSERT INTO case_tries (run_id, day, name, attempt, try, status, duration_ms)
    SELECT %(run_id)s, %(day)s, %(name)s, 1, try, status, %(ms)s
    FROM (VALUES (1, 'failed'), (2, 'passed')) AS tried (try, status)
"""


def put_run(
    database_url: str,
    run_id: str,
    cases: Mapping[str, str],
    *,
    at: datetime,
    suite: str = "shop",
    branch: str | None = "main",
    commit: str | None = None,
    author: str | None = None,
    message: str = "boom",
    ms: float | Mapping[str, float] = 100.0,
    fold: bool = True,
) -> None:
    """Write a run of one minute whose cases have these outcomes: a key of `STATUSES` for each name. Fold it."""
    statuses = [STATUSES[outcome] for outcome in cases.values()]
    counts = {status: statuses.count(status) for status in ("passed", "failed", "errored", "skipped")}
    run: dict[str, Any] = {
        "run_id": run_id,
        "suite": suite,
        "branch": branch,
        "commit": commit,
        "author": author,
        "day": at.date(),
        "at": at,
        "finished_at": at + timedelta(minutes=1),
        "status": "failed" if counts["failed"] or counts["errored"] else "passed",
        "total": len(cases),
        "flaky": list(cases.values()).count("r"),
        **counts,
    }
    with psycopg.connect(database_url) as connection:
        connection.execute(_RUN, run)
        connection.execute(_SHARD, run)
        for name, outcome in cases.items():
            bad = outcome in {"f", "e"}
            case = {
                "run_id": run_id,
                "day": at.date(),
                "name": name,
                "file": f"{suite}.py",
                "status": STATUSES[outcome],
                "flaky": outcome == "r",
                "tries": 2 if outcome == "r" else 1,
                "ms": ms if isinstance(ms, float) else ms.get(name, 100.0),
                "message": message if bad else None,
                "fingerprint": message if bad else None,
            }
            connection.execute(_CASE, case)
            if outcome == "r":
                connection.execute(_TRY, case)
        if fold:
            connection.execute("SELECT adopt_fingerprints()")
            connection.execute("SELECT fold_run(%s)", [run_id])
            connection.execute("SELECT count_causes(%s)", [run_id])
