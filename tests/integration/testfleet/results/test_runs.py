"""Runs read from the tables."""

from datetime import UTC, datetime

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Unavailable
from testfleet.results import runs


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, ["next", "live", "done"]),
        ({"suite": "shop"}, ["live", "done"]),
        ({"branch": "main"}, ["next", "done"]),
        ({"status": "running"}, ["live"]),
        ({"suite": "shop", "branch": "main", "status": "failed"}, ["done"]),
        ({"limit": 1}, ["next"]),
        ({"suite": "' OR true --"}, []),
    ],
)
def test_runs_are_listed_newest_first(filters: dict[str, object], ids: list[str], filled: Database) -> None:
    """A queued run sorts by the time of its queueing."""
    with filled.connect() as connection:
        assert [run.run_id for run in runs.find(connection, **filters)] == ids  # type: ignore[arg-type]  # a table


def test_a_running_run_counts_its_cases_so_far(filled: Database) -> None:
    """The totals of its row are written at the end."""
    with filled.connect() as connection:
        live = runs.get(connection, "live")
    assert live is not None
    assert (live.total, live.passed, live.errored, live.finished) == (2, 1, 1, False)


def test_a_finished_run_has_the_counts_of_its_row(filled: Database) -> None:
    """They never change after the verdict."""
    with psycopg.connect(filled.url) as connection:
        connection.execute("DELETE FROM test_cases")
    with filled.connect() as connection:
        done = runs.get(connection, "done")
    assert done is not None
    assert (done.total, done.passed, done.failed, done.flaky, done.finished) == (4, 2, 1, 1, True)
    assert done.finished_at == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert done.finished_at.utcoffset() == UTC.utcoffset(None)


def test_a_detail_has_shards_failing_and_flaky_cases_and_artifacts(filled: Database) -> None:
    """Passed cases stay in the table."""
    with filled.connect() as connection:
        detail = runs.detail(connection, "done")
    assert detail is not None
    assert [shard.shard for shard in detail.shards] == [1, 2]
    assert [case.name for case in detail.failing] == ["red"]
    assert [case.name for case in detail.flaky] == ["shaky"]
    assert [file.s3_uri for file in detail.artifacts] == ["s3://b/done/1/2/t.zip"]


def test_an_unknown_run_is_none(filled: Database) -> None:
    """A pod may insert it later."""
    with filled.connect() as connection:
        assert runs.get(connection, "unknown") is None
        assert runs.detail(connection, "unknown") is None


def test_a_database_without_tables_is_an_error_that_names_migrate(empty_database_url: str) -> None:
    """The first command of a new user is rarely migrate."""
    with (
        pytest.raises(BadSetting, match=r"run: testfleet migrate$"),
        Database(empty_database_url).connect() as connection,
    ):
        runs.find(connection)


def test_a_broken_connection_is_unavailable(filled: Database) -> None:
    """The database fails over while the connection is open. The next connection works."""
    with filled.connect() as connection:
        with psycopg.connect(filled.url) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(Unavailable, match=r"^database: "):
            runs.get(connection, "live")
        with pytest.raises(Unavailable, match=r"^database: "):
            runs.get(connection, "live")
    with filled.connect() as connection:
        assert runs.get(connection, "live") is not None


def test_the_repr_of_a_database_hides_its_url(filled: Database) -> None:
    """A URL may hold a password."""
    assert filled.url not in repr(filled)
