"""Writes a generated history into the results database."""

from collections.abc import Callable, Iterator, Sequence

from testfleet.database.connection import Connection, Database
from testfleet.errors import Refused
from testfleet.seeding import rows
from testfleet.seeding.generate import PREFIX, History
from testfleet.seeding.values import Run

RUNS_AT_ONCE = 10
"""Number of runs in one statement. Each fold of a run writes new versions of the same summaries."""

_STANDING = """
SELECT count(*) AS runs, count(*) FILTER (WHERE NOT starts_with(run_id, %(own)s)) AS foreign_runs,
    count(*) FILTER (WHERE starts_with(run_id, %(seed)s)) AS same_seed
FROM test_runs
"""
_ENSURE_PARTITIONS = "SELECT ensure_partitions(since => %s)"
_ANALYZE = "ANALYZE test_runs, test_shards, test_cases, case_tries"
_ADOPT_FINGERPRINTS = "SELECT adopt_fingerprints()"
_FOLD = "SELECT count(fold_run(run_id)) FROM unnest(%s::text[]) AS run (run_id)"
_RECOUNT_CAUSES = "SELECT recount_causes()"


def write(
    database: Database, history: History, *, force: bool = False, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Write all rows in one transaction, then fold the finished runs in the order in which they ended.

    `force` allows runs that were not generated. `progress` is called with the number of folded runs. After an error
    while it folds, `rebuild_summaries` completes the summaries.

    Raises:
        Refused: the database holds runs that were not generated, or a history of the same seed.
        Unavailable, BadSetting: as `Connection.rows`.
    """
    runs = sorted(history.runs, key=lambda run: (run.finished_at, run.run_id))
    check(database, history.labels.seed, force=force)
    with database.connect() as connection:
        connection.rows(_ENSURE_PARTITIONS, [history.labels.begins.date()])
        with connection.transaction():
            for some in _parts(runs):
                _copy(connection, some)
        connection.execute(_ANALYZE)
        connection.rows(_ADOPT_FINGERPRINTS)
        folded = 0
        for some in _parts(runs):
            connection.rows(_FOLD, [[run.run_id for run in some if run.status != "cancelled"]])
            progress(folded := folded + len(some))
        connection.rows(_RECOUNT_CAUSES)


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


def _parts(runs: Sequence[Run]) -> Iterator[Sequence[Run]]:
    return (runs[start : start + RUNS_AT_ONCE] for start in range(0, len(runs), RUNS_AT_ONCE))


def _copy(connection: Connection, runs: Sequence[Run]) -> None:
    connection.copy("test_runs", rows.RUN_COLUMNS, map(rows.of_run, runs))
    connection.copy("test_shards", rows.SHARD_COLUMNS, (row for run in runs for row in rows.of_shards(run)))
    connection.copy("test_cases", rows.CASE_COLUMNS, (row for run in runs for row in rows.of_cases(run)))
    connection.copy("case_tries", rows.TRY_COLUMNS, (row for run in runs for row in rows.of_tries(run)))
