"""The states of the cases, flaky cases and what they cost."""

from deploy.grafana.model import HERE, Dashboard, Panel

FLAKY = Dashboard(
    "flaky",
    "Flaky",
    [
        Panel(
            "States",
            "SELECT suite, branch, count(*) FILTER (WHERE state = 'broken') AS broken, "
            "count(*) FILTER (WHERE state = 'flaky') AS flaky, count(*) FILTER (WHERE state = 'healthy') AS healthy "
            f"FROM case_states WHERE {HERE} GROUP BY suite, branch ORDER BY broken DESC, flaky DESC, suite, branch",
            description="The state of each case on its branch, by its last executions.",
        ),
        Panel(
            "Top 10 flaky cases",
            "SELECT suite, branch, name, runs_blocked, minutes_lost, reasons, posterior, flips, retried_runs, "
            "last_flaky_at, owner, last_run_id AS run_id FROM flaky_cases "
            f"WHERE {HERE} ORDER BY runs_blocked DESC, minutes_lost DESC, suite, branch, name LIMIT 10",
            description="By the runs that they failed in the last 30 days when they were already known as flaky.",
        ),
        Panel(
            "Runs blocked by flaky cases",
            "SELECT date_trunc('day', finished_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS time, suite AS metric, "
            "count(DISTINCT run_id) AS value FROM run_failures "
            f"WHERE kind = 'flaky' AND $__timeFilter(finished_at) AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            description="Runs in which a case failed that was already known as flaky, by UTC day.",
        ),
        Panel(
            "Flips",
            f"SELECT suite, branch, name, flips, state, outcomes FROM case_states WHERE flips > 0 AND {HERE} "
            "ORDER BY flips DESC, suite, branch, name LIMIT 20",
            description="Changes between good and bad in the last 20 executions on a default branch.",
        ),
    ],
)
