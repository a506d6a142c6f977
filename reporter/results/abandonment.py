"""Which shards of an unfinished run are abandoned: no pod holds them, and no message will bring one."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of the queues. Times are in seconds.

    A shard is abandoned only after `older_than` seconds without a sign of life.
    """

    older_than: float
    dead: frozenset[tuple[str, int]]
    """Run id and shard of messages in a dead-letter queue whose attempts gave no result."""
    empty: bool
    """Every queue of the fleet held no message: none visible, none in flight, none delayed, seen twice."""
    retention: float
    """The longest time that a queue of the fleet keeps a message."""


@dataclass(frozen=True, slots=True)
class ShardState:
    """A row of `test_shards`. `quiet` is the time in seconds since its lease ended, or since it was given back."""

    shard: int
    status: str
    attempt: int
    worker: str
    exit_code: int | None
    quiet: float


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A shard that nothing will complete, with the reason. `attempted` is False if it has no row."""

    shard: int
    detail: str
    attempted: bool


def abandoned(
    run_id: str, expected: int, shards: Sequence[ShardState], evidence: Evidence, *, run_quiet: float
) -> tuple[Abandoned, ...]:
    """Return the abandoned shards of a run, in order.

    `run_quiet` is the time in seconds since the run was enqueued or first claimed; it counts for shards without a row.
    """
    found = []
    rows = {row.shard: row for row in shards}
    for shard in range(1, expected + 1):
        row = rows.get(shard)
        if row is not None and row.status not in {"running", "interrupted"}:
            continue
        why = _gone(run_id, shard, evidence, quiet=run_quiet if row is None else row.quiet)
        if why is not None:
            known = "it was never claimed" if row is None else _known(row)
            found.append(Abandoned(shard, f"abandoned: {known}; {why}", row is not None))
    return tuple(found)


def _gone(run_id: str, shard: int, evidence: Evidence, *, quiet: float) -> str | None:
    """Why no message will bring the shard back, or None where one may."""
    if quiet < evidence.older_than:
        return None
    if (run_id, shard) in evidence.dead:
        return "its message is in the dead-letter queue"
    if evidence.empty:
        return "its message is gone from the queue"
    return "its message has outlived the queue's retention" if quiet > evidence.retention else None


def _known(row: ShardState) -> str:
    attempts = "1 attempt" if row.attempt == 1 else f"{row.attempt} attempts"
    exit_code = "" if row.exit_code is None else f" with exit code {row.exit_code}"
    return f"{attempts} gave no result, the last{exit_code} on {row.worker}"
