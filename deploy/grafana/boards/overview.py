"""The state of all suites: runs now, pass rate, new failures, latest runs."""

from deploy.grafana.model import HERE, TESTED, VERDICT, Dashboard, Panel

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
            f"WHERE {TESTED} AND $__timeFilter(started_at) AND {HERE}",
            "stat",
            width=6,
            height=4,
            unit="percentunit",
            description="Of the runs that passed or failed. Errored runs are counted apart.",
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
            "SELECT day::timestamp AT TIME ZONE 'UTC' AS time, suite AS metric, "
            "1 - sum(failures)::float / nullif(sum(executions), 0) AS value FROM suite_days "
            f"WHERE $__timeFilter(day::timestamp AT TIME ZONE 'UTC') AND {HERE} "
            "GROUP BY 1, 2 HAVING sum(executions) > 0 ORDER BY 1, 2",
            "timeseries",
            unit="percentunit",
            description="Cases that passed, of those that passed or failed runs executed, by UTC day.",
        ),
        Panel(
            "Change of the last week",
            "SELECT suite, branch, runs, pass_rate, pass_rate_change, errored, p50_seconds, p50_change, p95_seconds, "
            f"p95_change FROM suite_changes WHERE runs > 0 AND {HERE} ORDER BY suite, branch",
            description="The last 7 UTC days beside the 30 before. A change of 0.1 is 10 points or 10 % slower.",
        ),
        Panel(
            "Failures since the last green commit",
            "SELECT suite, branch, name, failures, first_failed_at, first_failed_commit, last_run_id AS run_id, "
            "left(coalesce(last_message, last_error), 200) AS message, last_location AS location "
            f"FROM failures_since_green WHERE {HERE} "
            "ORDER BY first_failed_at DESC, suite, name LIMIT 100",
            description="Every case that was bad at its last execution, with the first bad run.",
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
