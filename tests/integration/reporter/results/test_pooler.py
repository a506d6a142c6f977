"""The reporter behind a real PgBouncer in transaction mode, where no session outlives its transaction."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handoff.message import JobMessage, Shard
from handoff.records import Outcome, Run
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import save
from reporter.results.claim import Claimant, claim, renew
from reporter.results.commit import commit
from reporter.results.database import connect
from testfleet.database import connection as command
from testfleet.database.migrations import migrate
from tests.support.pgbouncer import PgBouncer, find

pytestmark = pytest.mark.skipif(find() is None, reason="PgBouncer is not installed; `make test` installs it on Debian")

RUNS, SHARDS = 50, 4
REPORTERS = RUNS * SHARDS
SERVER_CONNECTIONS = 20
OWN_CASES = 8
EXPECTED = SHARDS * (OWN_CASES + 1)
"""Cases of a run: one for each shard, and one name that all shards share."""


@pytest.fixture
def poolers() -> Iterator[Callable[[str, int], str]]:
    """Start PgBouncer before a database and return its URL."""
    started: list[PgBouncer] = []
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # it runs as another user

        def start(url: str, connections: int) -> str:
            started.append(PgBouncer(url, folder, connections=connections).__enter__())
            return started[-1].url

        yield start
        for pooler in started:
            pooler.__exit__()


async def report(url: str, number: int, bench: Any, outcome: Outcome) -> None:
    """Claim, save live rows during a renewal, and commit, on connections of one reporter."""
    run_id, shard = f"r-{number // SHARDS}", Shard(index=number % SHARDS + 1, total=SHARDS)
    job = JobMessage(run_id=run_id, suite="checkout", shard=shard)
    own = [f"shard {shard.index} case {case}" for case in range(OWN_CASES)]
    async with connect(url, patience=30) as database:
        claimant = Claimant(job, f"c-{number}", f"m-{number}", "pod")
        decision = await claim(database, claimant, lease=60)
        assert decision == Run(attempt=1)
        fence = Fence(run_id, shard, 1)
        async with asyncio.TaskGroup() as group:
            group.create_task(renew(database, fence, lease=60))
            for name in own[:2]:
                group.create_task(save(database, fence, [Case(name, Status.PASSED)]))
        bench.write(dict.fromkeys(own, "passed") | {"same": "failed"})
        with bench.reader() as reader:
            await commit(database, fence, reader, outcome, ())


async def test_200_reporters_commit_through_20_server_connections(
    database_url: str, poolers: Callable[[str, int], str], benches: Any, rows: Any, outcomes: Callable[..., Outcome]
) -> None:
    """Each run has its verdict, its totals and every case of every shard once."""
    url = poolers(database_url, SERVER_CONNECTIONS)
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(REPORTERS):
            group.create_task(report(url, number, benches(number), outcomes(exit_code=1)))
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{REPORTERS} reporters through {SERVER_CONNECTIONS} connections: {seconds:.1f} s\n")
    connections = rows(
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"  # autovacuum has a row of its own
    )[0]["n"]
    assert connections <= SERVER_CONNECTIONS + 1  # the connection of this query
    totals = {"total": EXPECTED, "passed": SHARDS * OWN_CASES, "failed": SHARDS}
    assert rows(
        "SELECT status, shards_done, total, passed, failed, count(*) AS runs FROM test_runs GROUP BY 1, 2, 3, 4, 5"
    ) == [{"status": "failed", "shards_done": SHARDS, "runs": RUNS} | totals]
    assert rows("SELECT status, attempt, cases, count(*) AS shards FROM test_shards GROUP BY 1, 2, 3") == [
        {"status": "failed", "attempt": 1, "cases": OWN_CASES + 1, "shards": REPORTERS}
    ]
    names = rows("SELECT count(*) AS n, count(DISTINCT name) AS names FROM test_cases GROUP BY run_id")
    assert names == [{"n": EXPECTED, "names": EXPECTED}] * RUNS


def test_the_command_reads_through_a_pooler_and_leaves_nothing_in_its_sessions(
    database_url: str, poolers: Callable[[str, int], str]
) -> None:
    """One server session serves two clients in turn. It keeps no prepared statement and no setting."""
    url = poolers(database_url, 1)
    query = "SELECT current_setting('timezone') AS zone, current_setting('statement_timeout') AS wait, %s::int AS n"
    with command.Database(url).connect() as one, command.Database(url).connect() as two:
        for number in range(12):  # the driver prepares a statement after five executions
            for session in (one, two):
                assert session.rows(query, [number]) == [{"zone": "UTC", "wait": "30s", "n": number}]
    with closing(psycopg.connect(url, autocommit=True, prepare_threshold=None)) as plain:
        assert plain.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert plain.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_migrations_are_applied_through_a_pooler(empty_database_url: str, poolers: Callable[[str, int], str]) -> None:
    """The second call applies none."""
    url = poolers(empty_database_url, 2)
    assert migrate(url)
    assert migrate(url) == []
