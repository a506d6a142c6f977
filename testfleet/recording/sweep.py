"""Ends abandoned shards: reads the queues, and runs the reporter's program, which gives the verdicts.

A shard is abandoned if its lease expired long ago and its message is gone. SQS cannot be searched. A message counts as
gone in three cases only:

- two reads found it in the dead-letter queue;
- two reads found every queue empty;
- the shard has been silent for longer than a queue keeps a message.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testfleet.database.connection import Database
from testfleet.errors import Unavailable
from testfleet.queue.dead_letters import GIVEN_UP, DeadLetters
from testfleet.queue.sqs import Queue
from testfleet.recording.reporter_process import reporter_process

TIME_LIMIT = 600.0
"""Seconds. The reporter's program stops waiting for the database long before."""

_CANDIDATES = """
    SELECT EXISTS (
        SELECT FROM test_runs
        WHERE finished_at IS NULL AND coalesce(started_at, queued_at) < now() - make_interval(secs => %(older_than)s)
    ) AS found
"""


@dataclass(frozen=True, slots=True)
class SweptRun:
    """A run that a sweep changed: its abandoned shards with their reasons, and its verdict if it got one."""

    run_id: str
    shards: tuple[tuple[int, str], ...]
    status: str | None
    metrics: str | None
    """The run's line of CloudWatch's Embedded Metric Format."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep of the database. `queues` are all queues of the fleet; times are in seconds.

    A shard is abandoned only if its lease expired more than `older_than` ago. The queues are read twice, `pause` apart.
    The pause must be longer than a third of the pods' lease, in which a living pod renews it.
    """

    database: Database
    queues: Sequence[Queue]
    dead_letter_queues: Sequence[Queue]
    older_than: float
    pause: float

    def run(self, sleep: Callable[[float], object] = time.sleep) -> list[SweptRun]:
        """Sweep once.

        Raises:
            Unavailable, BadSetting: a queue or the database is out of reach or refuses the request; no shard was ended.
        """
        if not has_unfinished_run(self.database, self.older_than):
            return []
        return _end(self.database, self._evidence(sleep))

    def _evidence(self, sleep: Callable[[float], object]) -> dict[str, Any]:
        depths = [queue.depth() for queue in self.queues]
        empty = all(depth.empty for depth in depths)
        dead = self._dead()
        if empty or dead:
            # The pause lets living pods renew their leases after an outage of the database.
            sleep(self.pause)
            empty = empty and all(queue.depth().empty for queue in self.queues)
            dead = dead and dead & self._dead()
        return {
            "olderThan": self.older_than,
            "empty": empty,
            "retention": max(depth.retention for depth in depths),
            "dead": sorted(dead),
        }

    def _dead(self) -> set[tuple[str, int]]:
        """Return run id and shard of each message in a dead-letter queue whose attempts all ended without a result."""
        dead: set[tuple[str, int]] = set()
        for queue in self.dead_letter_queues:
            with DeadLetters(queue, None) as letters:
                dead |= {
                    (one.run_id, int(one.shard.partition("/")[0]))
                    for one in letters.read()
                    if one.reason in GIVEN_UP and one.run_id and one.shard
                }
        return dead


def has_unfinished_run(database: Database, older_than: float) -> bool:
    """Return whether any run without a verdict is older than `older_than` seconds.

    Raises:
        Unavailable, BadSetting: as `Database.connect`.
    """
    with database.connect() as connection:
        return bool(connection.rows(_CANDIDATES, {"older_than": older_than})[0]["found"])


def _end(database: Database, evidence: dict[str, Any]) -> list[SweptRun]:
    """Run the reporter's program, which ends the abandoned shards."""
    folders = {"HANDOFF_DIR": "/", "ARTIFACTS_DIR": "/"}  # required settings that a sweep does not use
    with (
        tempfile.TemporaryDirectory(prefix="testfleet-sweep-") as name,
        reporter_process(
            "reporter.sweep", folders, database=database, folder=Path(name), stdin=json.dumps(evidence).encode()
        ) as reporter,
    ):
        try:
            exit_code = reporter.process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"reporter: the sweep did not end within {TIME_LIMIT:.0f} s") from error
        if exit_code != 0:
            raise reporter.failure()
        return [_swept_run(json.loads(line)) for line in reporter.stdout.read_text().splitlines()]


def _swept_run(line: dict[str, Any]) -> SweptRun:
    shards = tuple((one["shard"], one["detail"]) for one in line["shards"])
    return SweptRun(line["runId"], shards, line["status"], line["metrics"])
