"""The causes of a run's failures in PostgreSQL: one row for each, however many runs find it at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from handoff.message import JobMessage, Shard
from handoff.records import Outcome, Run
from reporter.fence import Fence
from reporter.owners import FileOwners
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results import causes
from reporter.results.claim import Claimant, claim
from reporter.results.commit import commit
from reporter.results.database import Database, connect

CAUSES = "SELECT example, occurrences, suites, first_run_id, last_run_id FROM causes ORDER BY occurrences DESC, example"
RUN_CAUSES = "SELECT failures, example, case_name FROM run_causes WHERE run_id = %s ORDER BY 1 DESC, 2"
REFUSED = "connect ECONNREFUSED 127.0.0.1:{0}"
NO_SESSION = "no session for customer {0}"

Finish = Callable[..., Awaitable[None]]


@pytest.fixture
def finish(database: Database, tmp_path: Path, outcomes: Callable[..., Outcome]) -> Finish:
    """Return a function that runs a suite of one shard, whose cases failed with these messages."""

    async def finish(
        run_id: str, failures: Mapping[str, str], *, suite: str = "checkout", database: Database = database
    ) -> None:
        job = JobMessage(run_id=run_id, suite=suite, shard=Shard(index=1, total=1))
        decision = await claim(database, Claimant(job, f"c-{run_id}", f"m-{run_id}", "pod"), lease=120)
        assert isinstance(decision, Run)
        report = tmp_path / run_id / "junit" / "junit.xml"
        report.parent.mkdir(parents=True)
        cases = "".join(
            f"<testcase name={quoteattr(name)}><failure message={quoteattr(message)}/></testcase>"
            for name, message in failures.items()
        )
        report.write_text(f"<testsuite><testcase name='fine'/>{cases}</testsuite>")
        with Reader(Reports(report.parents[1])) as reader:
            fence = Fence(run_id, job.shard, decision.attempt)
            await commit(database, fence, reader, outcomes(exit_code=int(bool(failures))), ())

    return finish


async def test_many_failures_of_a_run_have_few_causes(rows: Any, finish: Finish) -> None:
    """38 failures, 2 causes: what differs in their texts are ports and numbers."""
    refused = {f"pay {number}": REFUSED.format(3000 + number) for number in range(30)}
    lost = {f"cart {number}": NO_SESSION.format(number) for number in range(8)}
    await finish("r-1", refused | lost)
    assert rows(RUN_CAUSES, "r-1") == [
        {"failures": 30, "example": REFUSED.format(3000), "case_name": "pay 0"},
        {"failures": 8, "example": NO_SESSION.format(0), "case_name": "cart 0"},
    ]


async def test_a_cause_is_followed_over_runs_and_suites(rows: Any, finish: Finish) -> None:
    """It has its first and last run, its suites and the number of its failures."""
    await finish("r-1", {"a": NO_SESSION.format(1)})
    await finish("r-2", {"a": NO_SESSION.format(2), "b": NO_SESSION.format(3)}, suite="search")
    await finish("r-3", {})
    assert rows(CAUSES) == [
        {
            "example": NO_SESSION.format(1),
            "occurrences": 3,
            "suites": ["checkout", "search"],
            "first_run_id": "r-1",
            "last_run_id": "r-2",
        }
    ]
    seen = rows.one("SELECT first_seen_at, last_seen_at FROM causes")
    ends = {row["run_id"]: row["finished_at"] for row in rows("SELECT run_id, finished_at FROM test_runs")}
    assert seen == {"first_seen_at": ends["r-1"], "last_seen_at": ends["r-2"]}


async def test_a_text_with_a_few_more_words_joins_the_cause_of_the_suite(rows: Any, finish: Finish) -> None:
    """The same words in another suite are a cause of their own until their fingerprints are equal."""
    pool = "Connection is not available, request timed out after 30000ms"
    await finish("r-1", {"a": pool})
    await finish("r-2", {"a": f"{pool} (total=10, active=10)"})
    assert [row["occurrences"] for row in rows(CAUSES)] == [2]
    assert rows("SELECT count(*) AS fingerprints FROM cause_fingerprints") == [{"fingerprints": 2}]
    assert [row["cause_id"] for row in rows("SELECT cause_id FROM run_failures ORDER BY run_id")] == [1, 1]


async def test_runs_that_find_a_new_cause_at_once_make_one_row(database_url: str, rows: Any, finish: Finish) -> None:
    """Runs of one suite and of several, each over its own connection."""

    async def pod(number: int) -> None:
        async with connect(database_url, patience=60) as own:
            failures = {"a": REFUSED.format(number), "b": NO_SESSION.format(number)}
            await finish(f"r-{number}", failures, suite=f"suite-{number % 3}", database=own)

    async with asyncio.TaskGroup() as group:
        for number in range(9):
            group.create_task(pod(number))
    assert [row["occurrences"] for row in rows(CAUSES)] == [9, 9]
    assert rows("SELECT count(*) AS fingerprints FROM cause_fingerprints") == [{"fingerprints": 2}]


async def test_only_so_many_new_causes_of_a_run_are_made(
    rows: Any, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most frequent ones. The other failures of the run have no cause, and get one in a later run."""
    monkeypatch.setattr(causes, "MAX_NEW", 1)
    failures = {"a": "no session", "b": "no database", "c": "no database"}
    await finish("r-1", failures)
    assert [(row["failures"], row["example"]) for row in rows(RUN_CAUSES, "r-1")] == [(2, "no database"), (1, None)]
    await finish("r-2", failures)
    assert [(row["failures"], row["example"]) for row in rows(RUN_CAUSES, "r-2")] == [
        (2, "no database"),
        (1, "no session"),
    ]


async def test_the_owner_of_a_cause_is_that_of_most_failures(rows: Any, finish: Finish) -> None:
    """A suite's owner stands for files without one."""
    rows("SELECT set_file_owners('checkout', ARRAY[''], ARRAY['team-shop'])")
    await finish("r-1", {"a": "no session"})
    assert rows.one("SELECT owner FROM causes") == {"owner": "team-shop"}


async def test_a_history_without_causes_gets_them(rows: Any, finish: Finish) -> None:
    """Each fingerprint becomes a cause of its own, and counting again gives the same figures."""
    await finish("r-1", {"a": NO_SESSION.format(1), "b": "no database"})
    await finish("r-2", {"a": NO_SESSION.format(2)}, suite="search")
    before = rows(CAUSES)
    rows("UPDATE causes SET occurrences = 0, suites = ARRAY['x'], first_run_id = 'x', last_run_id = 'x'")
    rows("SELECT recount_causes()")
    assert rows(CAUSES) == before
    rows("DELETE FROM causes")
    assert rows("SELECT adopt_fingerprints() AS adopted") == [{"adopted": 2}]
    assert rows("SELECT adopt_fingerprints() AS adopted") == [{"adopted": 0}]
    assert {row["example"] for row in rows(CAUSES)} == {NO_SESSION.format(1), "no database"}


async def test_the_owners_of_files_are_written_once(
    rows: Any, database: Database, tmp_path: Path, outcomes: Callable[..., Outcome]
) -> None:
    """A cause belongs to the owner of its files. A file that loses its owner loses its row."""
    report = "<testsuite><testcase name='a' file='pay/a.py'><failure message='no bank'/></testcase></testsuite>"

    async def run(run_id: str, owners: FileOwners) -> None:
        folder = tmp_path / run_id
        (folder / "junit").mkdir(parents=True)
        (folder / "junit" / "junit.xml").write_text(report)
        job = JobMessage(run_id=run_id, suite="checkout", shard=Shard(index=1, total=1))
        assert isinstance(await claim(database, Claimant(job, run_id, run_id, "pod"), lease=120), Run)
        with Reader(Reports(folder)) as reader:
            await commit(database, Fence(run_id, job.shard, 1), reader, outcomes(exit_code=1), (), owners=owners)

    await run("r-1", FileOwners("team-shop", {"pay/": "team-pay"}, "", "."))
    owned = "SELECT file, owner, xmin::text FROM file_owners WHERE suite = 'checkout' ORDER BY file"
    before = rows(owned)
    assert [(row["file"], row["owner"]) for row in before] == [("", "team-shop"), ("pay/a.py", "team-pay")]
    assert rows.one("SELECT owner FROM causes") == {"owner": "team-pay"}
    assert rows.one("SELECT owner FROM case_states WHERE name = 'a'") == {"owner": "team-pay"}
    await run("r-2", FileOwners("team-shop", {"pay/": "team-pay"}, "", "."))
    assert rows(owned) == before
    await run("r-3", FileOwners("team-shop", {}, "", "."))
    assert [(row["file"], row["owner"]) for row in rows(owned)] == [("", "team-shop")]
