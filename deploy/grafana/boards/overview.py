"""The state of all suites: runs now, pass rate, new failures, latest runs."""

from deploy.grafana.model import HERE, VERDICT, Dashboard, Panel

OVERVIEW = Dashboard(
    "overview",
    "Overview",
    [
        Panel(
            "Runs now",
            f"SELECT count(*) AS runs FROM test_runs WHERE status IN ('queued', 'running') AND {HERE}",
            "stat",
            width=6,
            height=4,
        ),
        Panel(
            "Runs passed",
            "SELECT count(*) FILTER (WHERE status = 'passed')::float / nullif(count(*), 0) AS passed FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
            unit="percentunit",
        ),
        Panel(
            "Cases run",
            "SELECT sum(total - skipped) AS cases FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
        ),
        Panel(
            "Runs without a verdict",
            "SELECT count(*) AS errored FROM test_runs "
            f"WHERE status = 'errored' AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
            description="Errored runs tested nothing or broke off: look at their detail before you look at the tests.",
        ),
        Panel(
            "Pass rate",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, "
            "sum(passed)::float / nullif(sum(passed + failed + errored), 0) AS value FROM test_runs "
            f"WHERE {VERDICT} AND $__timeFilter(started_at) AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            unit="percentunit",
            description="Cases that passed, of those that ran, by day.",
        ),
        Panel(
            "Failures since the last green commit",
            "SELECT suite, branch, name, failures, first_failed_at, first_failed_commit, last_run_id AS run_id, "
            "left(coalesce(last_message, last_error), 200) AS message, last_location AS location "
            f"FROM failures_since_green WHERE {HERE} "
            "ORDER BY first_failed_at DESC, suite, name LIMIT 100",
        ),
        Panel(
            "Latest runs",
            "SELECT run_id, suite, branch, commit, status, total, failed, errored, flaky, started_at, "
            "finished_at, detail "
            f"FROM test_runs WHERE $__timeFilter(coalesce(started_at, queued_at, finished_at)) AND {HERE} "
            "ORDER BY coalesce(started_at, queued_at, finished_at) DESC, run_id LIMIT 50",
        ),
    ],
)
