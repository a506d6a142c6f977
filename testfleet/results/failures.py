"""Reads what each failure of a run means: new, known flaky, broken before, quarantined."""

from testfleet.database.connection import Connection
from testfleet.errors import BadSetting
from testfleet.results.meaning import Failure

OF_RUN = """
    SELECT f.name, f.kind, f.first_fail_run_id, f.first_fail_commit, f.first_fail_at,
           first.author AS first_fail_author, f.runs_since, f.last_pass_run_id, f.last_pass_commit, f.cause_id,
           f.quarantined
    FROM run_failures AS f
    LEFT JOIN test_runs AS first ON first.run_id = f.first_fail_run_id
    WHERE f.run_id = %(run_id)s
    ORDER BY f.name
"""

FOLDED = "SELECT folded FROM test_runs WHERE run_id = %(run_id)s"


def of_run(connection: Connection, run_id: str) -> tuple[Failure, ...] | None:
    """Return the failures of a run, or None if the run was not compared with earlier runs.

    A run without a verdict, a cancelled run and a run of an older version were not. The same holds if the tables are
    older than this command, or if its user may not read them: the verdict of a run does not depend on them.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        folded = connection.rows(FOLDED, {"run_id": run_id})
        if not folded or not folded[0]["folded"]:
            return None
        return tuple(Failure(**row) for row in connection.rows(OF_RUN, {"run_id": run_id}))
    except BadSetting:
        return None
