"""What the tables say about runs."""

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
    """A queued run counts from its queueing; each filter holds."""
    with filled.connect() as connection:
        assert [run.run_id for run in runs.find(connection, **filters)] == ids  # type: ignore[arg-type]  # a table


def test_a_running_run_counts_its_cases_so_far(filled: Database) -> None:
    """The row's own totals are written at the end; whoever waits sees them grow."""
    with filled.connect() as connection:
        live = runs.get(connection, "live")
    assert live is not None
    assert (live.total, live.passed, live.errored, live.finished) == (2, 1, 1, False)


def test_a_finished_run_has_its_row_and_nothing_else(filled: Database) -> None:
    """A verdict never changes, and neither do its counts."""
    with psycopg.connect(filled.url) as connection:
        connection.execute("DELETE FROM test_cases")
    with filled.connect() as connection:
        done = runs.get(connection, "done")
    assert done is not None
    assert (done.total, done.passed, done.failed, done.flaky, done.finished) == (4, 2, 1, 1, True)
    assert done.finished_at == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert done.finished_at.utcoffset() == UTC.utcoffset(None)


def test_a_detail_holds_what_is_asked_first(filled: Database) -> None:
    """Shards in order, failing and flaky cases, files; green cases stay in the table."""
    with filled.connect() as connection:
        detail = runs.detail(connection, "done")
    assert detail is not None
    assert [shard.shard for shard in detail.shards] == [1, 2]
    assert [case.name for case in detail.failing] == ["red"]
    assert [case.name for case in detail.flaky] == ["shaky"]
    assert [file.s3_uri for file in detail.artifacts] == ["s3://b/done/1/2/t.zip"]


def test_an_unknown_run_is_none(filled: Database) -> None:
    """It may come yet."""
    with filled.connect() as connection:
        assert runs.get(connection, "nobody") is None
        assert runs.detail(connection, "nobody") is None


def test_a_database_without_tables_says_what_to_do(empty_database_url: str) -> None:
    """The first command that anybody types is rarely migrate."""
    with (
        pytest.raises(BadSetting, match=r"run: testfleet migrate$"),
        Database(empty_database_url).connect() as connection,
    ):
        runs.find(connection)


def test_a_connection_that_breaks_is_unavailable(filled: Database) -> None:
    """A failover in the middle of a connection is told as what it is, and the next connection works."""
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


def test_no_url_is_shown_by_accident(filled: Database) -> None:
    """A URL may hold a password."""
    assert filled.url not in repr(filled)
