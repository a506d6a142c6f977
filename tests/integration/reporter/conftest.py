"""A database for each test, its rows, claimed shards and folders with reports."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import psycopg
import pytest
from psycopg.rows import dict_row

from handoff.message import JobMessage, Shard
from handoff.records import Outcome, Run
from reporter.fence import Fence
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results.claim import Claimant, claim
from reporter.results.database import Database, connect

LEASE = 120


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The reporter's connection to the database."""
    async with connect(database_url, patience=30) as database:
        yield database


@dataclass(frozen=True)
class Rows:
    """The tables, read through a connection of the test."""

    url: str

    def __call__(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str, *values: object) -> dict[str, Any]:
        (row,) = self(query, *values)
        return row

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Return every result row without the values that differ between attempts and moments."""
        return {
            "runs": self("SELECT run_id, suite, status, detail, shards, shards_done, total, passed, failed, errored, "
                         "skipped, flaky, p95_ms FROM test_runs ORDER BY 1"),
            "shards": self("SELECT run_id, shard, status, detail, outcome, exit_code, cases FROM test_shards "
                           "ORDER BY 1, 2"),
            "cases": self("SELECT run_id, name, shard, file, status, flaky, tries, duration_ms, error FROM test_cases "
                          "ORDER BY 1, 2"),
            "tries": self("SELECT run_id, name, try, status, duration_ms, error FROM case_tries ORDER BY 1, 2, 3"),
        }  # fmt: skip

    def versions(self) -> list[dict[str, Any]]:
        """Return the version of each row, which changes with every write."""
        tables = ("test_runs", "test_shards", "test_cases", "case_tries", "artifacts")
        return [row for table in tables for row in self(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1")]


@pytest.fixture
def rows(database_url: str) -> Rows:
    """The rows of this test's database."""
    return Rows(database_url)


def job(shard: str = "1/1", run_id: str = "r-1", suite: str = "checkout") -> JobMessage:
    index, _, total = shard.partition("/")
    return JobMessage(run_id=run_id, suite=suite, shard=Shard(index=int(index), total=int(total)))


def claimant(shard: str = "1/1", *, claim_id: str = "claim", message_id: str = "m-1", **fields: str) -> Claimant:
    return Claimant(job=job(shard, **fields), claim_id=claim_id, message_id=message_id, worker="pod")


Take = Callable[..., Awaitable[Fence]]


@pytest.fixture
def take(database: Database) -> Take:
    """Return a function that claims a shard and returns the fence of the attempt."""

    async def take(shard: str = "1/1", *, run_id: str = "r-1", claim_id: str = "claim", lease: int = LEASE) -> Fence:
        who = claimant(shard, run_id=run_id, claim_id=claim_id, message_id=f"m-{shard}")
        decision = await claim(database, who, lease=lease)
        assert isinstance(decision, Run)
        return Fence(run_id, who.job.shard, decision.attempt)

    return take


@pytest.fixture
def claimants() -> Callable[..., Claimant]:
    """Return a function that makes claimants."""
    return claimant


def report(cases: dict[str, str]) -> str:
    """Write a JUnit file with a case for each name. The value is its status."""
    inner = {"passed": "", "failed": "<failure message='no'>no</failure>", "skipped": "<skipped/>"}
    body = "".join(
        f"<testcase name={quoteattr(name)} time='0.1'>{inner[status]}</testcase>" for name, status in cases.items()
    )
    return f"<testsuites><testsuite>{body}</testsuite></testsuites>"


@dataclass(frozen=True)
class Bench:
    """The artifacts folder of one pod, and the reader over it."""

    artifacts: Path

    def write(self, cases: dict[str, str], file: str = "junit.xml") -> None:
        self.write_text(report(cases), file)

    def write_text(self, text: str, file: str = "junit.xml") -> None:
        path = self.artifacts / "junit" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def reader(self) -> Reader:
        return Reader(Reports(self.artifacts))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One pod's artifacts folder."""
    return Bench(tmp_path / "artifacts")


@pytest.fixture
def benches(tmp_path: Path) -> Callable[[int], Bench]:
    """The artifacts folders of several pods."""
    return lambda number: Bench(tmp_path / f"artifacts-{number}")


def outcome(ending: Any = "finished", exit_code: int | None = 0, detail: str | None = None) -> Outcome:
    now = datetime.now(UTC)
    return Outcome(
        ending=ending, exit_code=exit_code, detail=detail, started_at=now - timedelta(seconds=1), finished_at=now
    )


@pytest.fixture
def outcomes() -> Callable[..., Outcome]:
    """Return a function that makes outcomes. By default, the suite finished with exit code 0."""
    return outcome
