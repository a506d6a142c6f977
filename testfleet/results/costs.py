"""Reads what a run cost."""

from dataclasses import dataclass

from testfleet.database.connection import Connection

COST = """
    SELECT attempts::integer, pod_seconds, vcpu_hours, gb_hours, cost, currency FROM run_costs WHERE run_id = %(run_id)s
"""


@dataclass(frozen=True, slots=True)
class RunCost:
    """A row of `run_costs`: the time of all attempts at all shards so far, and its price.

    The hours and the cost are None where the requests of a pod or the prices are unknown.
    """

    attempts: int
    pod_seconds: float
    vcpu_hours: float | None
    gb_hours: float | None
    cost: float | None
    currency: str


def of_run(connection: Connection, run_id: str) -> RunCost | None:
    """Return the cost of a run, or None if no pod has claimed a shard of it."""
    found = connection.rows(COST, {"run_id": run_id})
    return RunCost(**found[0]) if found else None
