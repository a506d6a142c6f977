"""Polling for a verdict, on a virtual clock."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from testfleet.errors import Unavailable
from testfleet.exit_codes import ExitCode
from testfleet.results.gate import exit_code
from testfleet.results.poller import Snapshot, until_finished
from testfleet.results.progress import QUIET_SECONDS, Sparse
from testfleet.results.runs import RunRow


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def polls(answers: Iterable[RunRow | Exception | None]) -> Any:
    """A poll that returns or raises these one after the other, and then repeats the last."""
    coming: Iterator[RunRow | Exception | None] = iter(answers)
    last: list[RunRow | Exception | None] = []

    def poll() -> RunRow | None:
        answer = next(coming, last[-1] if last else None)
        last.append(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return poll


def wait(answers: Iterable[RunRow | Exception | None], timeout: float = 60) -> tuple[RunRow | None, list[Snapshot]]:
    clock, snapshots = Clock(), list[Snapshot]()
    run = until_finished(polls(answers), snapshots.append, timeout=timeout, clock=clock, sleep=clock.sleep)
    return run, snapshots


def test_polling_ends_with_the_verdict(make: Any) -> None:
    """No poll follows it."""
    run, snapshots = wait([None, make.run(status="queued"), make.run(), make.run(status="passed")])
    assert run is not None
    assert run.status == "passed"
    assert len(snapshots) == 4


def test_polling_ends_at_the_timeout(make: Any) -> None:
    """The last poll is at the very end of the time."""
    run, snapshots = wait([make.run()], timeout=2.5)
    assert run == make.run()
    assert [snapshot.elapsed for snapshot in snapshots] == [0, 1, 2, 2.5]


def test_a_timeout_of_zero_is_one_poll(make: Any) -> None:
    """It returns the present status."""
    assert wait([make.run(status="failed")], timeout=0)[0] == make.run(status="failed")
    assert len(wait([make.run()], timeout=0)[1]) == 1


def test_an_outage_after_the_first_poll_is_retried(make: Any) -> None:
    """A failover of the database takes a minute. The snapshot has the run of the last successful poll."""
    gone = Unavailable("database: gone")
    run, snapshots = wait([make.run(), gone, gone, make.run(status="passed")])
    assert run == make.run(status="passed")
    assert [(snapshot.outage, snapshot.run and snapshot.run.status) for snapshot in snapshots] == [
        (None, "running"),
        ("database: gone", "running"),
        ("database: gone", "running"),
        (None, "passed"),
    ]


def test_a_database_out_of_reach_at_the_first_poll_ends_the_wait() -> None:
    """A wrong host must not cost an hour."""
    with pytest.raises(Unavailable):
        wait([Unavailable("database: refused")])


def test_a_database_out_of_reach_at_the_timeout_is_an_error(make: Any) -> None:
    """The status is unknown, so it is neither failed nor unfinished."""
    with pytest.raises(Unavailable):
        wait([make.run(), Unavailable("database: gone")], timeout=5)


@pytest.mark.parametrize(
    ("status", "code"),
    [("passed", 0), ("failed", 1), ("errored", 2), ("running", 3), ("queued", 3), ("cancelled", 4)],
)
def test_a_pipeline_decides_by_the_exit_code(status: str, code: int, make: Any) -> None:
    """The codes are those of docs/design.md."""
    assert exit_code(make.run(status=status)) == code
    assert exit_code(None) is ExitCode.NOT_FINISHED


def test_a_log_gets_a_line_for_each_change_and_few_others(make: Any) -> None:
    """An hour of waiting is some lines of a CI log, not thousands."""
    lines: list[str] = []
    show = Sparse("r1", lines.append)
    show(Snapshot(None, 0))
    show(Snapshot(None, 1))
    for second in range(2, 20):
        show(Snapshot(make.run(total=second), second))
    show(Snapshot(make.run(total=20, failed=1), 20))
    show(Snapshot(make.run(total=21, failed=2), 21))
    show(Snapshot(make.run(total=21, failed=2), 22, outage="database: gone"))
    show(Snapshot(make.run(total=21, failed=2, shards_done=1), 23))
    show(Snapshot(make.run(total=90, failed=2, shards_done=1), 23 + QUIET_SECONDS))
    assert lines == [
        "r1: not in the database yet; no pod has claimed it · 0 ms",
        "r1 shop: running · 0 of 2 shards · 2 cases · 2.0 s",
        "r1 shop: running · 0 of 2 shards · 20 cases · 1 failed · 20.0 s",
        "r1: database: gone; trying again · 22.0 s",
        "r1 shop: running · 1 of 2 shards · 21 cases · 2 failed · 23.0 s",
        "r1 shop: running · 1 of 2 shards · 90 cases · 2 failed · 53.0 s",
    ]
