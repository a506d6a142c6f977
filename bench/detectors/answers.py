"""What the detectors answer about a history, read from the same views that every reader uses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

DETECTORS = ("retry", "mixed_commit", "flips", "posterior")

_STATES = "SELECT suite, branch, name, state, reasons FROM case_states WHERE cardinality(reasons) > 0"
_FAILURES = """
SELECT f.run_id, f.name, f.kind, f.cause_id, f.first_fail_commit, f.last_pass_commit, r.outage
FROM run_failures AS f JOIN test_runs AS r USING (run_id)
"""
_EPISODES = "SELECT suite, branch, name, opened_at, closed_at FROM regression_episodes ORDER BY opened_at"
_SLOW = "SELECT suite, branch, name, ratio FROM slow_cases"


@dataclass(frozen=True, slots=True)
class Answers:
    """Rows of the views and tables, with their columns as attributes."""

    states: list[Any]
    failures: list[Any]
    episodes: list[Any]
    slow: list[Any]
    at: datetime


def read(url: str, at: datetime) -> Answers:
    """Read all answers. `at` is the end of the history."""
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        connection.execute("SET timezone = 'UTC'")
        return Answers(
            states=connection.execute(_STATES).fetchall(),
            failures=connection.execute(_FAILURES).fetchall(),
            episodes=connection.execute(_EPISODES).fetchall(),
            slow=connection.execute(_SLOW).fetchall(),
            at=at,
        )
