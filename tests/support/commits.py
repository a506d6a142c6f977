"""Commits the results of an attempt."""

from typing import Any

from handoff.records import Committed, Outcome
from reporter.artifact import Artifact
from reporter.fence import Fence
from reporter.results.commit import commit
from reporter.results.database import Database


async def finish(
    database: Database, fence: Fence, bench: Any, outcome: Outcome, artifacts: tuple[Artifact, ...] = ()
) -> Committed:
    with bench.reader() as reader:
        return (await commit(database, fence, reader, outcome, artifacts)).receipt
