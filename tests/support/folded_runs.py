"""Finished runs written as rows, as a database has them that another program filled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg

INSERT_RUN = """
INSERT INTO test_runs (run_id, day, suite, branch, commit, status, shards, shards_done, total, passed, failed, skipped,
    started_at, finished_at)
VALUES (%s, %s, %s, %s, %s, %s, 1, 1, %s, %s, %s, %s, %s, %s)
"""
INSERT_CASE = """
INSERT INTO test_cases (run_id, day, name, shard, attempt, status, flaky, duration_ms)
VALUES (%s, %s, %s, 1, 1, %s, %s, 5)
"""


@dataclass
class Past:
    """Adds runs one after the other, an hour apart.

    The letter of a case is that of its outcome: s is skipped, r passed on retry.
    """

    connection: psycopg.Connection[Any]
    at: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)
    numbers: "count[int]" = field(default_factory=count)

    def add(
        self,
        cases: Mapping[str, str],
        *,
        suite: str = "checkout",
        branch: str | None = "main",
        commit: str | None = None,
        after: timedelta = timedelta(hours=1),
        fold: bool = True,
    ) -> str:
        """Write a finished run, fold it, and return its id."""
        self.at += after
        run_id = f"r-{next(self.numbers)}"
        failed = sum(letter in "fe" for letter in cases.values())
        skipped = sum(letter == "s" for letter in cases.values())
        counts = (len(cases), len(cases) - failed - skipped, failed, skipped)
        status = "failed" if failed else "passed"
        place = (run_id, self.at.date(), suite, branch, commit)
        self.connection.execute(INSERT_RUN, (*place, status, *counts, self.at - timedelta(minutes=5), self.at))
        words = {"p": "passed", "r": "passed", "f": "failed", "e": "errored", "s": "skipped"}
        for name, letter in cases.items():
            values = (run_id, self.at.date(), name, words[letter], letter == "r")
            self.connection.execute(INSERT_CASE, values)
        if fold:
            assert self.connection.execute("SELECT fold_run(%s)", [run_id]).fetchone() == (True,)
        return run_id
