"""A verdict does not wait for the meaning of its run."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from handoff.records import Committed, Outcome
from reporter.fence import Fence
from reporter.results import meaning
from reporter.results.database import Connection, Database, within
from testfleet.database import connection as connections
from testfleet.database.rebuild import rebuild
from tests.support.commits import finish

Take = Callable[..., Awaitable[Fence]]
Outcomes = Callable[..., Outcome]
RUNS = "SELECT run_id, status, folded FROM test_runs ORDER BY finished_at"
LAST = "SELECT outcomes, streak FROM folded_cases WHERE name = 'a'"


async def test_a_run_whose_fold_takes_too_long_has_its_verdict_and_a_rebuild_adds_it(
    *,
    database: Database,
    database_url: str,
    rows: Any,
    take: Take,
    bench: Any,
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next run folds without it, and the rebuild puts it between its neighbours."""
    bench.write({"a": "passed"})
    await finish(database, await take(run_id="r-1"), bench, outcomes())
    bench.write({"a": "failed"})
    with psycopg.connect(database_url) as other, monkeypatch.context() as patch:
        other.execute("SELECT FROM folded_cases FOR UPDATE")
        patch.setattr(meaning, "FOLD_SECONDS", 0.3)
        receipt = await finish(database, await take(run_id="r-2"), bench, outcomes(exit_code=1))
    assert receipt == Committed(status="failed", cases=1, artifacts=0)
    assert rows.one("SELECT count(*) AS notices FROM outbox WHERE key = 'r-2'") == {"notices": 1}
    assert rows("SELECT * FROM run_failures") == rows("SELECT * FROM causes") == []

    bench.write({"a": "passed"})
    await finish(database, await take(run_id="r-3"), bench, outcomes())
    assert rows(RUNS) == [
        {"run_id": "r-1", "status": "passed", "folded": True},
        {"run_id": "r-2", "status": "failed", "folded": False},
        {"run_id": "r-3", "status": "passed", "folded": True},
    ]
    assert rows.one(LAST) == {"outcomes": "pp", "streak": 0}

    list(rebuild(connections.Database(database_url)))
    assert all(run["folded"] for run in rows(RUNS))
    assert rows.one(LAST) == {"outcomes": "pfp", "streak": 0}


@pytest.mark.parametrize(
    ("statement", "seconds", "in_time"), [("SELECT 1", 60, True), ("SELECT pg_sleep(60)", 0.2, False)]
)
async def test_the_time_of_a_part_ends_with_it(
    *, database: Database, statement: str, seconds: float, in_time: bool
) -> None:
    """Later statements of the transaction have no shorter time."""

    async def step(connection: Connection) -> tuple[bool, str]:
        done = await within(connection, seconds, lambda: connection.execute(statement))
        return done, await connection.fetchval("SHOW statement_timeout")

    assert await database.run(step) == (in_time, "0")
