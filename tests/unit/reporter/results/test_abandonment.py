"""Which shards count as abandoned: the whole rule as a table."""

import pytest

from reporter.results.abandonment import Abandoned, QueueEvidence, ShardState, abandoned

HOUR = 3600.0


def evidence(*dead: int, empty: bool = False) -> QueueEvidence:
    return QueueEvidence(
        older_than=HOUR, dead=frozenset(("r-1", shard) for shard in dead), empty=empty, retention=96 * HOUR
    )


def row(
    shard: int = 1, status: str = "running", *, quiet: float = 2 * HOUR, exit_code: int | None = None
) -> ShardState:
    return ShardState(shard, status, attempt=5, worker="pod-3", exit_code=exit_code, quiet=quiet)


DEAD, GONE = "its message is in the dead-letter queue", "its message is gone from the queue"


@pytest.mark.parametrize(
    ("shard", "evidence", "detail"),
    [
        (row(), evidence(1), f"abandoned: 5 attempts gave no result, the last on pod-3; {DEAD}"),
        (row(), evidence(empty=True), f"abandoned: 5 attempts gave no result, the last on pod-3; {GONE}"),
        (
            row(status="interrupted", exit_code=137),
            evidence(1),
            f"abandoned: 5 attempts gave no result, the last with exit code 137 on pod-3; {DEAD}",
        ),
        (
            row(quiet=97 * HOUR),
            evidence(),
            "abandoned: 5 attempts gave no result, the last on pod-3; its message has outlived the queue's retention",
        ),
        (row(), evidence(), None),
        (row(), evidence(2), None),
        (row(quiet=-60), evidence(1, empty=True), None),
        (row(quiet=HOUR - 1), evidence(1, empty=True), None),
        (row(status="passed"), evidence(1, empty=True), None),
        (row(status="errored"), evidence(1, empty=True), None),
    ],
)
def test_a_claimed_shard(shard: ShardState, evidence: QueueEvidence, detail: str | None) -> None:
    """It is abandoned if it was quiet for long enough and its message is gone."""
    found = abandoned("r-1", 1, [shard], evidence, run_quiet=2 * HOUR)
    assert found == ((Abandoned(1, detail, attempted=True),) if detail else ())


@pytest.mark.parametrize(
    ("run_quiet", "evidence", "why"),
    [
        (2 * HOUR, evidence(2), DEAD),
        (2 * HOUR, evidence(empty=True), GONE),
        (2 * HOUR, evidence(1), None),
        (60, evidence(2, empty=True), None),
    ],
)
def test_a_shard_that_was_never_claimed(run_quiet: float, evidence: QueueEvidence, why: str | None) -> None:
    """It has no row. The age of the run counts."""
    found = abandoned("r-1", 2, [row(1, "passed")], evidence, run_quiet=run_quiet)
    assert found == ((Abandoned(2, f"abandoned: it was never claimed; {why}", attempted=False),) if why else ())


def test_a_dead_message_of_another_run_does_not_count() -> None:
    assert abandoned("r-2", 1, [row()], evidence(1), run_quiet=2 * HOUR) == ()
