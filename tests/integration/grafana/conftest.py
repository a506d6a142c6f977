"""A generated history, with which the tests compare the figures of the panels."""

import random
from datetime import timedelta

import psycopg
import pytest

from tests.support.history import History, PastRun, generate


@pytest.fixture(scope="module")
def history(module_database_url: str) -> History:
    """Finished runs of two suites on two branches, and one running, one cancelled and one rejected run."""
    past = History(module_database_url, list(generate(random.Random(7))))  # the same every time
    with psycopg.connect(module_database_url) as connection:
        connection.execute("UPDATE analysis_settings SET vcpu_hour_price = 0.04, gb_hour_price = 0.005")
        for run in past.runs:
            _insert(connection, run)
        connection.execute(
            "INSERT INTO test_runs (run_id, day, suite, branch, status, shards, queued_at, started_at) "
            "VALUES ('r-now', %(at)s, 'checkout', 'main', 'running', 1, %(at)s, %(at)s)",
            {"at": past.runs[-1].started_at + timedelta(hours=1)},
        )
        connection.execute(
            "INSERT INTO test_cases (run_id, day, name, shard, attempt, status) "
            "SELECT run_id, day, 'pays', 1, 1, 'failed' FROM test_runs WHERE run_id = 'r-now'"
        )
        connection.execute(
            "INSERT INTO test_runs (run_id, suite, branch, commit, status, shards, total, failed, p95_ms, queued_at, "
            "started_at, finished_at) VALUES ('r-cancelled', 'checkout', 'main', 'c0', 'cancelled', 2, 1, 1, 9, "
            "%(at)s, %(at)s, %(at)s)",
            {"at": past.runs[-1].started_at + timedelta(hours=2)},
        )
        connection.execute(
            "INSERT INTO test_cases (run_id, day, name, shard, attempt, status, flaky, duration_ms) "
            "SELECT run_id, day, 'pays', 1, 1, 'failed', true, 9 FROM test_runs WHERE run_id = 'r-cancelled'"
        )
        connection.execute(
            "INSERT INTO test_runs (run_id, status, detail, finished_at) VALUES ('r-bad', 'errored', 'suite: …', %s)",
            (past.runs[-1].started_at,),
        )
    return past


def _insert(connection: psycopg.Connection, run: PastRun) -> None:
    connection.execute(
        "INSERT INTO test_runs (run_id, suite, branch, commit, status, shards, shards_done, total, passed, "
        "failed, errored, "
        "skipped, flaky, p95_ms, queued_at, started_at, finished_at, day) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            run.run_id,
            run.suite,
            run.branch,
            run.commit,
            run.status,
            len(run.attempts),
            len(run.attempts),
            len(run.cases),
            run.count("passed"),
            run.count("failed"),
            run.count("errored"),
            run.count("skipped"),
            sum(case.flaky for case in run.cases),
            max(case.duration_ms for case in run.cases),
            run.queued_at,
            run.started_at,
            run.finished_at,
            run.day,
        ),
    )
    for shard, (seconds, attempt) in enumerate(zip(run.shard_seconds, run.attempts, strict=True), start=1):
        connection.execute(
            "INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, worker, message_id, started_at, "
            "finished_at, cpu_millis, memory_mib)"
            " VALUES (%s, %s, 'c', %s, 'passed', 'pod', 'm', %s, %s, 500, 2048)",
            (run.run_id, shard, attempt, run.started_at, run.started_at + timedelta(seconds=seconds)),
        )
    for case in run.cases:
        connection.execute(
            "INSERT INTO test_cases (run_id, day, name, shard, attempt, status, flaky, duration_ms) "
            "SELECT run_id, day, %s, 1, 1, %s, %s, %s FROM test_runs WHERE run_id = %s",
            (case.name, case.status, case.flaky, case.duration_ms, run.run_id),
        )
    connection.execute(
        "INSERT INTO artifacts (s3_uri, run_id, shard, attempt, kind, bytes, content_type) "
        "VALUES (%s, %s, 1, 1, 'trace', 10, 'application/zip')",
        (f"s3://qa/{run.run_id}/1/1/trace.zip", run.run_id),
    )
    connection.execute("SELECT fold_run(%s)", [run.run_id])
