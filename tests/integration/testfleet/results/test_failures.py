"""What the failures of a run mean, read from the table that its verdict filled."""

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.results import failures, runs
from testfleet.results.meaning import Failure

FAILURES = """
    INSERT INTO test_runs (run_id, suite, branch, commit, author, status, folded, finished_at)
    VALUES ('first', 'shop', 'main', '3f2a91c', 'Ada', 'failed', true, '2025-12-31');
    UPDATE test_runs SET folded = true WHERE run_id = 'done';
    INSERT INTO run_failures (run_id, name, suite, branch, kind, first_fail_run_id, first_fail_commit, first_fail_at,
                              runs_since, last_pass_run_id, last_pass_commit, cause_id, finished_at)
    SELECT 'done', name, 'shop', 'main', kind, first, commit, '2025-12-31', runs, 'green', 'abc', cause, now()
    FROM (VALUES ('red', 'broken', 'first', '3f2a91c', 4, 7), ('blue', 'new', 'done', 'def', 0, NULL))
        AS f (name, kind, first, commit, runs, cause);
"""


def test_the_failures_of_a_run_name_the_author_of_the_first_failing_commit(filled: Database) -> None:
    with psycopg.connect(filled.url) as connection:
        connection.execute(FAILURES.encode())
    with filled.connect() as connection:
        detail = runs.detail(connection, "done")
    assert detail is not None
    assert detail.failures is not None
    assert [(one.name, one.kind, one.first_fail_author, one.runs_since) for one in detail.failures] == [
        ("blue", "new", None, 0),
        ("red", "broken", "Ada", 4),
    ]
    assert isinstance(detail.failures[0], Failure)
    assert detail.meaning is not None
    assert detail.meaning.sentence == "1 new failure, 1 broken since 3f2a91c by Ada"


@pytest.mark.parametrize("run_id", ["live", "done", "unknown"])
def test_a_run_that_was_not_compared_has_no_failures_and_no_sentence(run_id: str, filled: Database) -> None:
    """It is unfinished, or the database had no summaries when it got its verdict."""
    with filled.connect() as connection:
        assert failures.of_run(connection, run_id) is None


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE run_failures CASCADE",
        "ALTER TABLE test_runs DROP COLUMN folded CASCADE",
        "REVOKE SELECT ON run_failures FROM narrow",
    ],
)
def test_a_verdict_does_not_depend_on_the_summaries(change: str, filled: Database) -> None:
    """An older database lacks them, and a user may lack the right to read them."""
    with psycopg.connect(filled.url) as connection:
        connection.execute(FAILURES.encode())
        connection.execute(
            "CREATE ROLE narrow NOLOGIN; GRANT narrow TO CURRENT_USER; "
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO narrow"
        )
        try:
            connection.execute(change.encode())
            connection.commit()
            with Database(with_role(filled.url, "narrow")).connect() as narrow:
                detail = runs.detail(narrow, "done")
        finally:
            connection.rollback()
            connection.execute("DROP OWNED BY narrow; DROP ROLE narrow")
    assert detail is not None
    assert (detail.run.status, detail.failures, detail.meaning) == ("failed", None, None)
    assert [case.name for case in detail.failing] == ["red"]


def with_role(url: str, role: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{role}"
