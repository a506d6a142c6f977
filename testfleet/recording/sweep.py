"""Ends abandoned shards: reads the queues, and runs the reporter's program, which gives the verdicts.

A shard is abandoned when its lease ended long ago and no message will bring it back. SQS can't be searched. A
message counts as gone in three cases only: it was in the dead-letter queue twice; every queue was empty twice; or the
shard has been silent for longer than a queue keeps a message.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, CommandError, Unavailable
from testfleet.queue.dead_letters import GIVEN_UP, DeadLetters
from testfleet.queue.sqs import Queue
from testfleet.recording.ingest import reporter_environment

TIME_LIMIT = 600.0
"""Seconds. The reporter's program stops waiting for the database long before."""

_SETTING_WRONG = 78  # the reporter's own exit code for it

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
    """Where to look. `queues` are all queues of the fleet; times are in seconds.

    A shard is abandoned only after `older_than` without a sign of life. The queues are read twice, `pause` apart,
    which must be longer than a third of the pods' lease.
    """

    database: Database
    queues: Sequence[Queue]
    dead_letter_queues: Sequence[Queue]
    older_than: float
    pause: float

    def run(self, sleep: Callable[[float], object] = time.sleep) -> list[SweptRun]:
        """Sweep once.

        Raises:
            Unavailable, BadSetting: a queue or the database is out of reach or refuses; nothing was ended.
        """
        if not waits(self.database, self.older_than):
            return []
        return _reporter(self.database, self._evidence(sleep))

    def _evidence(self, sleep: Callable[[float], object]) -> dict[str, Any]:
        depths = [queue.depth() for queue in self.queues]
        empty = all(depth.empty for depth in depths)
        dead = self._dead()
        if empty or dead:
            # Every sign must last for the pause. After an outage of the database, living pods renew their leases in it.
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
        """Return run id and shard of each message in a dead-letter queue whose attempts gave no result."""
        dead: set[tuple[str, int]] = set()
        for queue in self.dead_letter_queues:
            with DeadLetters(queue, None) as letters:
                dead |= {
                    (one.run_id, int(one.shard.partition("/")[0]))
                    for one in letters.read()
                    if one.reason in GIVEN_UP and one.run_id and one.shard
                }
        return dead


def waits(database: Database, older_than: float) -> bool:
    """Return whether any run without a verdict is older than `older_than` seconds.

    Raises:
        Unavailable, BadSetting: as `Database.connect`.
    """
    with database.connect() as connection:
        return bool(connection.rows(_CANDIDATES, {"older_than": older_than})[0]["found"])


def _reporter(database: Database, evidence: dict[str, Any]) -> list[SweptRun]:
    # -P: a folder named reporter where the command is called must not be taken for ours.
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "reporter.sweep"],
            env=reporter_environment(os.environ, database) | {"HANDOFF_DIR": "/", "ARTIFACTS_DIR": "/"},
            input=json.dumps(evidence),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"reporter: the sweep did not end within {TIME_LIMIT:.0f} s") from error
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr)
    return [_ended(json.loads(line)) for line in done.stdout.splitlines()]


def _ended(told: dict[str, Any]) -> SweptRun:
    shards = tuple((one["shard"], one["detail"]) for one in told["shards"])
    return SweptRun(told["runId"], shards, told["status"], told["metrics"])


def _failure(exit_code: int, said: str) -> CommandError:
    lines = said.splitlines()
    line = lines[-1].removeprefix("reporter: ") if lines else "it printed nothing"
    if exit_code == _SETTING_WRONG:
        return BadSetting(line.replace("REPORTER_DATABASE", "TESTFLEET_DATABASE"))
    return Unavailable(f"reporter: the sweep ended with {exit_code}: {line}")
