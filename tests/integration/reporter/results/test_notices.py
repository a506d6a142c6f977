"""A verdict and its notice are in one transaction."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handoff.records import InvalidJob, Outcome
from reporter.fence import Fence
from reporter.results.commit import commit
from reporter.results.database import Database
from reporter.results.rejection import record_rejection

NOTICES = "SELECT kind, data->>'run_id' AS run_id, data->>'status' AS status FROM outbox"


async def test_the_last_commit_of_a_run_writes_its_notice(
    database: Database, rows: Any, take: Callable[..., Awaitable[Fence]], bench: Any, outcomes: Callable[..., Outcome]
) -> None:
    bench.write({"a": "passed", "b": "failed"})
    with bench.reader() as reader:
        await commit(database, await take("1/2"), reader, outcomes(), ())
    assert rows(NOTICES) == []
    with bench.reader() as reader:
        await commit(database, await take("2/2"), reader, outcomes(), ())
    assert rows(NOTICES) == [{"kind": "run.finished", "run_id": "r-1", "status": "failed"}]


async def test_a_run_that_ends_early_writes_its_notice_once(database: Database, rows: Any) -> None:
    invalid = InvalidJob(message_id="m", run_id="r-1", suite=None, reason="invalid_message", detail="no suite")
    for _ in range(2):
        await record_rejection(database, invalid)
    assert rows(NOTICES) == [{"kind": "run.finished", "run_id": "r-1", "status": "errored"}]


async def test_a_verdict_whose_notice_fails_is_rolled_back(database: Database, rows: Any) -> None:
    """A run cannot end without its notice."""
    rows("ALTER TABLE outbox ADD CHECK (key <> 'r-1')")
    invalid = InvalidJob(message_id="m", run_id="r-1", suite=None, reason="invalid_message", detail="no suite")
    with pytest.raises(Exception, match="check constraint"):
        await record_rejection(database, invalid)
    assert rows("SELECT * FROM test_runs WHERE finished_at IS NOT NULL") == []
