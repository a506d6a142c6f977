"""A database with rows of every kind, and the SDK's environment."""

from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database

ROWS = """
    INSERT INTO test_runs (run_id, suite, commit, branch, status, shards, shards_done, total, passed, failed, flaky,
                           p95_ms, queued_at, started_at, finished_at) VALUES
        ('done', 'shop', 'abc', 'main', 'failed', 2, 2, 4, 2, 1, 1, 900, '2026-01-01', '2026-01-01 00:01+00',
         '2026-01-01 00:03+00'),
        ('live', 'shop', NULL, 'fix', 'running', 2, 1, 0, 0, 0, 0, NULL, '2026-01-02', '2026-01-02 00:01+00', NULL),
        ('next', 'load', NULL, 'main', 'queued', 1, 0, 0, 0, 0, 0, NULL, '2026-01-03', NULL, NULL);
    INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, worker, message_id, cases, started_at) VALUES
        ('done', 2, 'c', 1, 'passed', 'pod-b', 'm2', 2, '2026-01-01'),
        ('done', 1, 'c', 2, 'failed', 'pod-a', 'm1', 2, '2026-01-01'),
        ('live', 1, 'c', 1, 'passed', 'pod-c', 'm3', 2, '2026-01-02'),
        ('live', 2, 'c', 1, 'running', 'pod-d', 'm4', 0, '2026-01-02');
    INSERT INTO test_cases (day, run_id, name, shard, attempt, file, status, flaky, tries, duration_ms, error)
    SELECT r.day, c.* FROM test_runs AS r JOIN (VALUES
        ('done', 'green', 1, 2, 'a.py', 'passed', false, 1, 10, NULL),
        ('done', 'red', 1, 2, 'a.py', 'failed', false, 1, 20, 'boom'),
        ('done', 'shaky', 2, 1, 'b.py', 'passed', true, 2, 30, 'once'),
        ('done', 'left out', 2, 1, NULL, 'skipped', false, 1, NULL, NULL),
        ('live', 'first', 1, 1, NULL, 'passed', false, 1, 5, NULL),
        ('live', 'second', 2, 1, NULL, 'errored', false, 1, 5, 'x')
    ) AS c (run_id) USING (run_id);
    INSERT INTO artifacts (s3_uri, run_id, shard, attempt, case_name, kind, bytes, content_type) VALUES
        ('s3://b/done/1/2/t.zip', 'done', 1, 2, 'red', 'trace', 7, 'application/zip');
"""


@pytest.fixture
def database(database_url: str) -> Database:
    """The tables without a row."""
    return Database(database_url)


@pytest.fixture
def filled(database: Database) -> Database:
    """The tables with a finished, a running and a queued run."""
    with psycopg.connect(database.url) as connection:
        connection.execute(ROWS.encode())
    return database


@pytest.fixture
def aws_env(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's environment. The region is in AWS_REGION as on EKS, which boto3 does not read."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    return aws
