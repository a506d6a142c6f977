"""`testfleet cancel`: a run ends as cancelled, and nothing changes it afterwards."""

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Refused
from testfleet.queue import enqueue
from testfleet.queue.jobs import jobs
from testfleet.results import cancel, runs


def rows(database: Database, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_queued_run_is_cancelled(filled: Database) -> None:
    """It ends without a start: no pod has claimed a shard."""
    assert cancel.cancel(filled, "next") is True
    with filled.connect() as connection:
        run = runs.get(connection, "next")
    assert run is not None
    assert (run.status, run.finished, run.started_at) == ("cancelled", True, None)
    assert run.finished_at is not None


def test_a_running_run_keeps_its_partial_rows_and_marks_them(filled: Database) -> None:
    """A complete shard keeps its verdict, a running one loses its lease, and the run counts the cases so far."""
    assert cancel.cancel(filled, "live") is True
    (run,) = rows(
        filled,
        "SELECT status, shards_done, total, passed, errored, finished_at >= started_at AS ended "
        "FROM test_runs WHERE run_id = 'live'",
    )
    assert run == {"status": "cancelled", "shards_done": 1, "total": 2, "passed": 1, "errored": 1, "ended": True}
    assert rows(
        filled,
        "SELECT shard, status, detail, cases, lease_until, finished_at IS NOT NULL AS ended FROM test_shards "
        "WHERE run_id = 'live' AND shard = 2",
    ) == [
        {
            "shard": 2,
            "status": "cancelled",
            "detail": "the run was cancelled",
            "cases": 1,
            "lease_until": None,
            "ended": True,
        }
    ]
    assert rows(filled, "SELECT status FROM test_shards WHERE run_id = 'live' AND shard = 1") == [{"status": "passed"}]


def test_an_interrupted_shard_is_cancelled_and_keeps_its_reason(filled: Database) -> None:
    """No further attempt follows."""
    with psycopg.connect(filled.url) as connection:
        connection.execute(
            "UPDATE test_shards SET status = 'interrupted', detail = 'drained' WHERE run_id = 'live' AND shard = 2"
        )
    cancel.cancel(filled, "live")
    assert rows(filled, "SELECT status, detail FROM test_shards WHERE run_id = 'live' AND shard = 2") == [
        {"status": "cancelled", "detail": "drained"}
    ]


def test_a_second_cancel_changes_nothing(filled: Database) -> None:
    """The command may be repeated."""
    assert cancel.cancel(filled, "live") is True
    tables = ("test_runs", "test_shards", "test_cases")
    before = [rows(filled, f"SELECT ctid::text, xmin::text, * FROM {table} ORDER BY 1") for table in tables]
    assert cancel.cancel(filled, "live") is False
    assert [rows(filled, f"SELECT ctid::text, xmin::text, * FROM {table} ORDER BY 1") for table in tables] == before


def test_a_finished_run_keeps_its_verdict(filled: Database) -> None:
    """The error has the verdict."""
    with pytest.raises(Refused) as caught:
        cancel.cancel(filled, "done")
    assert str(caught.value) == "RUN_ID: done is finished already (failed); a verdict never changes"
    assert rows(filled, "SELECT status FROM test_runs WHERE run_id = 'done'") == [{"status": "failed"}]


def test_an_unknown_run_is_refused(filled: Database) -> None:
    """A typing error must not insert a row."""
    with pytest.raises(Refused, match=r"^RUN_ID: the database has no run nosuch$"):
        cancel.cancel(filled, "nosuch")
    assert len(rows(filled, "SELECT FROM test_runs")) == 3


def test_a_cancelled_run_is_not_enqueued_again(filled: Database) -> None:
    """A worker would delete its messages without running them."""
    cancel.cancel(filled, "next")
    with pytest.raises(Refused, match=r"^--run-id: next is finished already \(cancelled\)"):
        enqueue.register(filled, jobs("load", run_id="next")[0])


def test_an_old_database_is_an_error_that_names_migrate(filled: Database) -> None:
    """A migration creates the function."""
    with psycopg.connect(filled.url) as connection:
        connection.execute("DROP FUNCTION cancel_run")
    with pytest.raises(BadSetting, match=r"run: testfleet migrate$"):
        cancel.cancel(filled, "next")


def test_views_over_several_runs_leave_a_cancelled_run_out(filled: Database) -> None:
    """Its results are partial: no history and no meaningful times."""
    cancel.cancel(filled, "live")
    for view in ("case_history", "run_fleet"):
        found = {row["run_id"] for row in rows(filled, f"SELECT run_id FROM {view}")}
        assert found == {"done"}, view


def test_a_cancelled_run_costs_no_time_after_its_pods(filled: Database) -> None:
    """The pod of an interrupted shard ended long before the run was cancelled."""
    with psycopg.connect(filled.url) as connection:
        connection.execute(
            "UPDATE test_shards SET status = 'interrupted', finished_at = started_at + interval '90 seconds' "
            "WHERE run_id = 'live' AND shard = 2"
        )
    assert cancel.cancel(filled, "live") is True
    (shard,) = rows(filled, "SELECT pod_seconds FROM shard_costs WHERE run_id = 'live' AND shard = 2")
    assert shard == {"pod_seconds": 90}
