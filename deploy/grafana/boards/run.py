"""One run: its cases, shards and files."""

from deploy.grafana.model import Dashboard, Panel

ONE_RUN = Dashboard(
    "run",
    "Run",
    [
        Panel(
            "Run",
            "SELECT suite, branch, commit, target_url, status, detail, shards_done, shards, total, passed, "
            "failed, errored, "
            "skipped, flaky, p95_ms, queued_at, started_at, finished_at FROM test_runs WHERE run_id = "
            "${run_id:sqlstring}",
            height=4,
        ),
        Panel(
            "Failed and flaky cases",
            "SELECT name, status, left(coalesce(message, error), 400) AS message, "
            "coalesce(location, file) AS location, flaky, tries, duration_ms, error_type, left(error, 400) AS error "
            "FROM test_cases "
            "WHERE run_id = ${run_id:sqlstring} AND (flaky OR status IN ('failed', 'errored')) ORDER BY flaky, name",
        ),
        Panel(
            "Shards",
            "SELECT shard, attempt, status, outcome, exit_code, cases, worker, detail, started_at, finished_at "
            "FROM test_shards WHERE run_id = ${run_id:sqlstring} ORDER BY shard",
        ),
        Panel(
            "Files",
            "SELECT kind, case_name, s3_uri, bytes, content_type, shard, attempt FROM artifacts "
            "WHERE run_id = ${run_id:sqlstring} ORDER BY shard, attempt, s3_uri",
        ),
    ],
    by_run=True,
)
