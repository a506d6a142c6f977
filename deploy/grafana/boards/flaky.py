"""Flaky cases, and cases that switch between passing and failing."""

from deploy.grafana.model import HERE, Dashboard, Panel

FLAKY = Dashboard(
    "flaky",
    "Flaky",
    [
        Panel(
            "Top 10 flaky cases",
            "SELECT suite, name, count(*) AS flaky_runs, count(DISTINCT commit) AS commits, "
            "count(*) FILTER (WHERE passed_after_failing) AS passed_after_failing, "
            "count(*) FILTER (WHERE both_outcomes) AS both_outcomes, "
            "(array_agg(run_id ORDER BY started_at DESC, run_id DESC))[1] AS run_id FROM flaky_cases "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY suite, name ORDER BY flaky_runs DESC, suite, "
            f"name LIMIT 10",
            description="Passed after failing within a run, or both outcomes on one commit.",
        ),
        Panel(
            "Flaky cases by day",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, count(DISTINCT name) AS value FROM "
            "flaky_cases "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
        ),
        Panel(
            "Switches",
            "SELECT suite, branch, name, count(*) FILTER (WHERE switched) AS switches, count(*) AS runs FROM "
            "case_history "
            f"WHERE $__timeFilter(started_at) AND {HERE} GROUP BY suite, branch, name "
            "HAVING bool_or(switched) ORDER BY switches DESC, suite, branch, name LIMIT 20",
            description="How often a case's outcome differed from that of the suite's run before, on one branch.",
        ),
    ],
)
