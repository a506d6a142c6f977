"""One suite over time: durations, regressions, drops, slow cases."""

from deploy.grafana.model import HERE, VERDICT, Dashboard, Panel

SUITE = Dashboard(
    "suite",
    "Suite",
    [
        Panel(
            "p95",
            "SELECT started_at AS time, suite AS metric, p95_ms AS value FROM test_runs "
            f"WHERE {VERDICT} AND p95_ms IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="ms",
            description="95th percentile of case durations; for k6 of http_req_duration.",
        ),
        Panel(
            "Run duration",
            "SELECT started_at AS time, suite AS metric, run_seconds AS value FROM run_fleet "
            f"WHERE finished_at IS NOT NULL AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="s",
        ),
        Panel(
            "Regressions",
            "SELECT suite, branch, name, left(coalesce(message, error), 200) AS message, location, run_id, "
            "first_fail_commit, last_pass_commit, runs_since, first_fail_at "
            f"FROM regressions WHERE {HERE} ORDER BY suite, branch, name LIMIT 200",
            description="Fails in the suite's newest run and passed before: a commit after last_pass_commit, up to "
            "first_fail_commit, broke it. Known flaky and new cases are left out.",
        ),
        Panel(
            "Significant drops",
            "SELECT suite, branch, name, before_rate, after_rate, p_value, state, opened_at, opened_run_id AS run_id "
            f"FROM open_regressions WHERE {HERE} ORDER BY p_value, suite, branch, name LIMIT 50",
            description="Cases whose pass rate of the last 7 days is significantly less than that of the 30 before.",
        ),
        Panel(
            "Slower cases",
            "SELECT suite, branch, name, median_ms_before, median_ms, ratio, p_value FROM slow_cases "
            f"WHERE {HERE} ORDER BY median_ms - median_ms_before DESC, suite, branch, name LIMIT 20",
            description="Cases whose median is at least a fifth greater than before, significantly.",
        ),
        Panel(
            "Slowest cases",
            f"SELECT suite, branch, name, p50_ms, p95_ms FROM case_states WHERE p95_ms IS NOT NULL AND {HERE} "
            "ORDER BY p95_ms DESC, suite, branch, name LIMIT 20",
            description="By the last 50 executions of each case.",
        ),
    ],
)
