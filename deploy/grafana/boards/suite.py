"""One suite over time: durations, regressions, slowest cases."""

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
            "SELECT suite, branch, name, left(coalesce(message, error), 200) AS message, location, run_id, commit, "
            "green_run_id, green_commit "
            f"FROM regressions WHERE latest AND {HERE} ORDER BY suite, branch, name LIMIT 200",
            description="Fails in the suite's newest run, passed in its last green run on the branch.",
        ),
        Panel(
            "Slowest cases",
            "SELECT suite, name, count(*) AS runs, percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) AS "
            "median_ms, "
            "percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms FROM case_history "
            f"WHERE duration_ms IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "GROUP BY suite, name ORDER BY p95_ms DESC, suite, name LIMIT 20",
        ),
    ],
)
