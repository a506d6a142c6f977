"""The fleet: queue wait, shard imbalance, repeated shards, minutes and cost."""

from deploy.grafana.model import HERE, Dashboard, Panel

FLEET = Dashboard(
    "fleet",
    "Fleet",
    [
        Panel(
            "Queue wait",
            "SELECT started_at AS time, suite AS metric, queue_seconds AS value FROM run_fleet "
            f"WHERE queue_seconds IS NOT NULL AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="s",
            description="From enqueue to the first claim.",
        ),
        Panel(
            "Shard imbalance",
            "SELECT started_at AS time, suite AS metric, imbalance AS value FROM run_fleet "
            f"WHERE imbalance IS NOT NULL AND shards > 1 AND $__timeFilter(started_at) AND {HERE} ORDER BY 1, 2",
            "timeseries",
            width=12,
            description="The slowest shard's time over the mean: 1 is even.",
        ),
        Panel(
            "Attempts beyond the first",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, sum(attempts - shards) AS value "
            f"FROM run_fleet WHERE finished_at IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            width=12,
            description="Shards that were run again because a pod or a node was lost.",
        ),
        Panel(
            "Runs with repeated shards",
            "SELECT run_id, suite, branch, shards, repeated_shards, attempts, started_at FROM run_fleet "
            f"WHERE repeated_shards > 0 AND $__timeFilter(started_at) AND {HERE} ORDER BY started_at DESC, "
            f"run_id LIMIT 50",
            width=12,
        ),
        Panel(
            "Fleet minutes",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, sum(fleet_minutes) AS value "
            f"FROM run_fleet WHERE finished_at IS NOT NULL AND $__timeFilter(started_at) AND {HERE} "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            width=12,
            unit="m",
            description="The time of all attempts at all shards.",
        ),
        Panel(
            "Cost",
            "SELECT date_trunc('day', started_at) AS time, suite AS metric, sum(cost) AS value "
            "FROM run_fleet WHERE finished_at IS NOT NULL AND cost IS NOT NULL AND $__timeFilter(started_at) "
            f"AND {HERE} GROUP BY 1, 2 ORDER BY 1, 2",
            "timeseries",
            width=12,
            description="At the prices of `testfleet settings`, in their currency. Runs of unknown cost are left out.",
        ),
    ],
)
