"""Writes a generated history into the results database."""

from collections.abc import Callable, Sequence

from testfleet.database.connection import Connection, Database
from testfleet.errors import Refused
from testfleet.seeding import rows
from testfleet.seeding.generate import PREFIX, History
from testfleet.seeding.values import Run

RUNS_AT_ONCE = 50
"""Number of runs in one transaction. Each of its folds writes new versions of the same summaries."""

_STANDING = """
SELECT count(*) AS runs, count(*) FILTER (WHERE NOT starts_with(run_id, %(own)s)) AS foreign_runs,
    count(*) FILTER (WHERE starts_with(run_id, %(seed)s)) AS same_seed
FROM test_runs
"""
_ENSURE_PARTITIONS = "SELECT ensure_partitions(since => %s)"
_FOLD = """
SELECT count(*) FILTER (WHERE folded) AS folded
FROM (SELECT fold_run(run_id) AS folded FROM unnest(%s::text[]) WITH ORDINALITY AS run (run_id, place)) AS runs
"""


def write(
    database: Database, history: History, *, force: bool = False, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Write the runs in the order in which they ended, and fold each finished one into the summaries.

    `force` allows runs that were not generated. `progress` is called with the number of written runs. After an error,
    the database holds the first part of the history.

    Raises:
        Refused: the database holds runs that were not generated, or a history of the same seed.
        Unavailable, BadSetting: as `Connection.rows`.
    """
    runs = sorted(history.runs, key=lambda run: (run.finished_at, run.run_id))
    check(database, history.labels.seed, force=force)
    with database.connect() as connection:
        connection.rows(_ENSURE_PARTITIONS, [history.labels.begins.date()])
        for start in range(0, len(runs), RUNS_AT_ONCE):
            _write(connection, runs[start : start + RUNS_AT_ONCE])
            progress(min(start + RUNS_AT_ONCE, len(runs)))


def check(database: Database, seed: int, *, force: bool = False) -> None:
    """Check that the history of the seed may be written.

    Raises:
        Refused: as `write`.
        Unavailable, BadSetting: as `Connection.rows`.
    """
    with database.connect() as connection:
        (standing,) = connection.rows(_STANDING, {"own": PREFIX, "seed": f"{PREFIX}{seed}-"})
    if standing["same_seed"]:
        raise Refused(f"--seed: the database already holds the history of seed {seed}; give another seed")
    if standing["foreign_runs"] and not force:
        raise Refused(
            f"TESTFLEET_DATABASE_URL: the database holds {standing['foreign_runs']} runs that were not generated; "
            "name another database, or add --force to mix them"
        )


def _write(connection: Connection, runs: Sequence[Run]) -> None:
    finished = [run.run_id for run in runs if run.status != "cancelled"]
    with connection.transaction():
        connection.copy("test_runs", rows.RUN_COLUMNS, map(rows.of_run, runs))
        connection.copy("test_shards", rows.SHARD_COLUMNS, (row for run in runs for row in rows.of_shards(run)))
        connection.copy("test_cases", rows.CASE_COLUMNS, (row for run in runs for row in rows.of_cases(run)))
        connection.copy("case_tries", rows.TRY_COLUMNS, (row for run in runs for row in rows.of_tries(run)))
        connection.rows(_FOLD, [finished])
