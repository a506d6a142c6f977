"""Results of runs in a database and a bucket."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row

Ask = Callable[..., Any]
"""Return the only value of a statement with `%s` in place of each value."""


def rows(database_url: str, sql: str, **values: Any) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(sql.encode(), values).fetchall()


def finished(database_url: str, run_id: str) -> bool:
    """Return whether the run is finished."""
    sql = "SELECT 1 FROM test_runs WHERE run_id = %(run_id)s AND finished_at IS NOT NULL"
    return bool(rows(database_url, sql, run_id=run_id))


def results(database_url: str, s3: Any, run_id: str) -> dict[str, Any]:
    """Return the rows and files of a finished run, without times and attempts, which differ between runs."""
    (run,) = rows(
        database_url,
        "SELECT suite, status, shards, shards_done, total, passed, failed, errored, skipped, flaky, p95_ms, detail "
        "FROM test_runs WHERE run_id = %(run_id)s",
        run_id=run_id,
    )
    cases = rows(
        database_url,
        "SELECT name, shard, status, flaky, tries, duration_ms, error FROM test_cases "
        "WHERE run_id = %(run_id)s ORDER BY name",
        run_id=run_id,
    )
    files = rows(
        database_url,
        "SELECT a.s3_uri, a.kind, a.bytes, a.shard FROM artifacts AS a JOIN test_shards AS s "
        "USING (run_id, shard, attempt) WHERE run_id = %(run_id)s ORDER BY s3_uri",
        run_id=run_id,
    )
    return {"run": run, "cases": cases, "files": [_without_place(s3, file) for file in files]}


def _without_place(s3: Any, file: dict[str, Any]) -> dict[str, Any]:
    """Check that the object has the size in the row. Return the row with the file's path in place of its URI."""
    bucket, _, key = file["s3_uri"].removeprefix("s3://").partition("/")
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == file["bytes"]
    path = key.split("/", maxsplit=3)[3]
    size = None if path.startswith("log/") else file["bytes"]
    return file | {"s3_uri": path, "bytes": size}
