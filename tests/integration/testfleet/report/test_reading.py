"""The report of a run from the tables."""

from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database
from testfleet.report import ctrf, html, junit, markdown, reading
from testfleet.report.run_report import File, Try

ROWS = """
    INSERT INTO test_runs (run_id, suite, status, author, started_at, finished_at) VALUES
        ('before', 'shop', 'failed', 'Ann', '2025-12-31', '2025-12-31 00:01+00');
    INSERT INTO run_failures (run_id, name, suite, branch, kind, first_fail_run_id, first_fail_commit, first_fail_at,
                              runs_since, finished_at) VALUES
        ('done', 'red', 'shop', 'main', 'broken', 'before', '3f2a91c0ffee', '2025-12-31', 2, '2026-01-01');
    INSERT INTO case_tries (run_id, day, name, attempt, try, status, duration_ms, message, error)
    SELECT run_id, day, t.* FROM test_runs, (VALUES
        ('shaky', 1, 2, 'passed', 9, NULL, NULL),
        ('shaky', 1, 1, 'failed', 8, 'timed out', 'Timeout'),
        ('red', 1, 1, 'failed', 8, 'of an earlier attempt', NULL)) AS t
    WHERE run_id = 'done';
"""


@pytest.fixture
def known(filled: Database) -> Database:
    with psycopg.connect(filled.url) as connection:
        connection.execute(ROWS.encode())
    return filled


def read(database: Database, run_id: str = "done", **options: Any) -> Any:
    with database.connect() as connection:
        return reading.read(connection, run_id, **options)


def test_a_report_has_every_case_with_tries_files_and_meaning(known: Database) -> None:
    report = read(known, run_url="https://fleet.example.com/?run={run_id}")
    assert [case.name for case in report.cases] == ["red", "green", "shaky", "left out"]
    red, _, shaky, _ = report.cases
    assert (red.failure.kind, red.failure.first_fail_author, red.failure.runs_since) == ("broken", "Ann", 2)
    assert red.files == (File("trace", "s3://b/done/1/2/t.zip", 7, "application/zip"),)
    assert red.tries == ()
    assert shaky.tries == (Try("failed", 8, "timed out", "Timeout"), Try("passed", 9, None, None))
    assert [shard.shard for shard in report.shards] == [1, 2]
    assert report.sentence == "1 broken since 3f2a91c by Ann, 1 passed on retry"
    assert report.link == "https://fleet.example.com/?run=done"


def test_a_running_run_has_the_failures_so_far(filled: Database) -> None:
    report = read(filled, "live")
    assert report.sentence == "running, 1 failure"
    assert (report.run.total, report.run.passed, report.run.errored) == (2, 1, 1)
    assert report.link is None


def test_an_unknown_run_has_no_report(filled: Database) -> None:
    assert read(filled, "none") is None


@pytest.mark.parametrize("run_id", ["done", "live", "next"])
@pytest.mark.parametrize("render", [ctrf.render, html.render, junit.render, markdown.render])
def test_each_format_renders_each_state_of_a_run(known: Database, render: Any, run_id: str) -> None:
    assert render(read(known, run_id))


def test_the_address_of_a_run_is_encoded() -> None:
    assert reading.page("https://x.example/{run_id}", "a/../b c") == "https://x.example/a%2F..%2Fb%20c"
