"""Decides which shards of an unfinished run are abandoned: no pod holds them, and their messages are gone."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueEvidence:
    """The state of the fleet's queues. Times are in seconds.

    A shard is abandoned only if it was quiet for `older_than` seconds.
    """

    older_than: float
    dead: frozenset[tuple[str, int]]
    """Run id and shard of each message in a dead-letter queue whose attempts gave no result."""
    empty: bool
    """Whether two reads of every queue of the fleet found no message: none visible, in flight or delayed."""
    retention: float
    """The longest time that a queue of the fleet keeps a message."""


@dataclass(frozen=True, slots=True)
class ShardState:
    """A row of `test_shards`. `quiet` is the time in seconds since its lease expired or was released."""

    shard: int
    status: str
    attempt: int
    worker: str
    exit_code: int | None
    quiet: float


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An abandoned shard and the reason. `attempted` is False if it has no row."""

    shard: int
    detail: str
    attempted: bool


def abandoned(
    run_id: str, expected: int, shards: Sequence[ShardState], evidence: QueueEvidence, *, run_quiet: float
) -> tuple[Abandoned, ...]:
    """Return the abandoned shards of a run, in order.

    `run_quiet` is the time in seconds since the run was enqueued or first claimed. It applies to shards without a row.
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


def _gone(run_id: str, shard: int, evidence: QueueEvidence, *, quiet: float) -> str | None:
    """Return why the shard has no message any more, or None if it may have one."""
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
