"""Quarantine in PostgreSQL: what it covers, and what it never covers."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handoff.records import Collection, FailedTests, IdSet, Outcome, QuarantinedCase
from reporter.fence import Fence
from reporter.results.commit import commit
from reporter.results.database import Database

Take = Callable[..., Awaitable[Fence]]
Outcomes = Callable[..., Outcome]

ADD = "SELECT add_quarantine(%s, %s, %s, 'team', now() + interval '1 day', 'SHOP-1', true) AS done"
EXPIRE = "UPDATE quarantines SET until = now() - interval '1 s'"
RUN = "SELECT status, detail, failed, errored, quarantined FROM test_runs"
SHARDS = "SELECT status FROM test_shards ORDER BY shard"
DAY = timedelta(days=1)
TIMES: dict[str, Any] = {
    "started_at": datetime(2025, 1, 1, tzinfo=UTC),
    "finished_at": datetime(2025, 1, 1, tzinfo=UTC),
}


@pytest.fixture
def finish(database: Database, bench: Any, outcomes: Outcomes) -> Callable[..., Awaitable[None]]:
    """Return a function that commits a shard with these cases. The suite's exit code is 1 if one failed."""

    async def finish(fence: Fence, cases: dict[str, str], ended: Outcome | None = None, **given: Any) -> None:
        bench.write(cases)
        with bench.reader() as reader:
            ended = ended or outcomes(exit_code=int("failed" in cases.values()))
            await commit(database, fence, reader, ended, (), **given)

    return finish


def reviewed(name: str, *, branch: str | None = None, until: timedelta = DAY) -> QuarantinedCase:
    return QuarantinedCase(name=name, branch=branch, owner="team", until=datetime.now(UTC) + until, reason="SHOP-1")


async def test_a_run_whose_only_bad_case_is_quarantined_passes(rows: Any, take: Take, finish: Any) -> None:
    """The case is recorded as it is, and the run says how many it covered, whatever the exit code 1."""
    rows(ADD, "checkout", None, "a")
    await finish(await take(), {"a": "failed", "b": "passed"})
    assert rows.one(RUN) == {"status": "passed", "detail": None, "failed": 1, "errored": 0, "quarantined": 1}
    assert rows("SELECT name, status, quarantined_as FROM test_cases ORDER BY 1") == [
        {"name": "a", "status": "failed", "quarantined_as": ["a"]},
        {"name": "b", "status": "passed", "quarantined_as": None},
    ]


async def test_a_further_bad_case_fails_the_run(rows: Any, take: Take, finish: Any) -> None:
    """The quarantined case is counted, and the other decides."""
    rows(ADD, "checkout", None, "a")
    await finish(await take(), {"a": "failed", "b": "failed", "c": "passed"})
    assert rows.one(RUN) == {"status": "failed", "detail": None, "failed": 2, "errored": 0, "quarantined": 1}


@pytest.mark.parametrize(
    "listed",
    [
        ("search", None, "a"),
        ("checkout", "main", "a"),
        ("checkout", None, "A"),
        ("checkout", None, "a #2"),
        ("checkout", None, "a%"),
        ("checkout", None, "a [shard 1/2]"),
    ],
)
async def test_a_quarantine_covers_no_other_suite_branch_or_name(
    rows: Any, take: Take, finish: Any, listed: tuple[str, str | None, str]
) -> None:
    """Names are exact, and a run without a branch is on no named one."""
    rows(ADD, *listed)
    await finish(await take(), {"a": "failed", "b": "passed"})
    assert rows.one(RUN)["status"] == "failed"
    assert rows.one(RUN)["quarantined"] == 0


async def test_a_quarantine_of_a_branch_covers_its_runs(rows: Any, take: Take, finish: Any) -> None:
    """Only those."""
    rows(ADD, "checkout", "main", "a")
    fence = await take()
    rows("UPDATE test_runs SET branch = 'main'")
    await finish(fence, {"a": "failed", "b": "passed"})
    assert rows.one(RUN)["status"] == "passed"


async def test_an_expired_quarantine_covers_nothing(rows: Any, take: Take, finish: Any) -> None:
    """The database's clock decides, for the command's entries and for those of the file."""
    rows(ADD, "checkout", None, "a")
    rows(EXPIRE)
    await finish(await take(), {"a": "failed", "b": "passed"}, reviewed=[reviewed("a", until=-timedelta(seconds=5))])
    assert rows.one(RUN)["status"] == "failed"


async def test_a_quarantine_that_is_added_after_the_shard_is_complete_changes_nothing(
    rows: Any, take: Take, finish: Any
) -> None:
    """A verdict never changes: the first shard stays failed, and so does the run."""
    await finish(await take("1/2"), {"a": "failed", "b": "passed"})
    rows(ADD, "checkout", None, "a")
    await finish(await take("2/2"), {"c": "passed"})
    assert [row["status"] for row in rows(SHARDS)] == ["failed", "passed"]
    assert rows.one(RUN)["status"] == "failed"
    assert rows.one(RUN)["quarantined"] == 0


async def test_a_quarantine_that_expires_before_the_run_ends_stays_decided(rows: Any, take: Take, finish: Any) -> None:
    """The moment of the shard's commit counts."""
    rows(ADD, "checkout", None, "a")
    await finish(await take("1/2"), {"a": "failed", "b": "passed"})
    rows(EXPIRE)
    await finish(await take("2/2"), {"c": "passed"})
    assert rows.one(RUN)["status"] == "passed"


async def test_a_run_of_quarantined_failures_alone_does_not_pass(rows: Any, take: Take, finish: Any) -> None:
    """No case showed that anything works."""
    rows(ADD, "checkout", None, "a")
    rows(ADD, "checkout", None, "b")
    await finish(await take(), {"a": "failed", "b": "failed", "c": "skipped"})
    run = rows.one(RUN)
    assert run["status"] == "errored"
    assert run["detail"] == "every case that ran is bad and quarantined (2), so nothing was tested"


@pytest.mark.parametrize("first", [1, 2])
async def test_the_same_name_in_another_shard_is_not_covered(rows: Any, take: Take, finish: Any, first: int) -> None:
    """The second shard's case is `a [shard 2/2]` in the finished run, whichever shard commits first."""
    rows(ADD, "checkout", None, "a")
    cases = {1: {"a": "passed", "b": "passed"}, 2: {"a": "failed", "c": "passed"}}
    for shard in (first, 3 - first):
        await finish(await take(f"{shard}/2", claim_id=f"c{shard}"), cases[shard])
    assert rows.one(RUN)["status"] == "failed"
    assert [row["status"] for row in rows(SHARDS)] == ["passed", "failed"]
    assert rows.one("SELECT quarantined_as FROM test_cases WHERE name = 'a [shard 2/2]'") == {"quarantined_as": None}
    assert rows.one(RUN)["quarantined"] == 0


@pytest.mark.parametrize("first", [1, 2])
async def test_a_name_with_its_shard_covers_the_case_of_that_shard_only(
    rows: Any, take: Take, finish: Any, first: int
) -> None:
    """The name is the one that `show` prints."""
    rows(ADD, "checkout", None, "a [shard 2/2]")
    cases = {1: {"a": "passed", "b": "passed"}, 2: {"a": "failed", "c": "passed"}}
    for shard in (first, 3 - first):
        await finish(await take(f"{shard}/2", claim_id=f"c{shard}"), cases[shard])
    assert rows.one(RUN)["status"] == "passed"
    assert rows.one(RUN)["quarantined"] == 1


async def test_a_name_with_a_shard_does_not_cover_a_case_that_keeps_its_plain_name(
    rows: Any, take: Take, finish: Any
) -> None:
    """No other shard reports the name, so the final name is the plain one."""
    rows(ADD, "checkout", None, "a [shard 2/2]")
    await finish(await take("1/2", claim_id="c1"), {"b": "passed"})
    await finish(await take("2/2", claim_id="c2"), {"a": "failed", "c": "passed"})
    assert rows.one(RUN)["status"] == "failed"
    shard = rows.one("SELECT status, detail FROM test_shards WHERE shard = 2")
    assert shard == {"status": "failed", "detail": "a failed; the quarantine names the case of another shard"}


@pytest.mark.parametrize(
    ("ended", "detail"),
    [
        ({"ending": "timed_out", "exit_code": -15}, "the suite ran out of time"),
        ({"ending": "finished", "exit_code": 2}, "only quarantined cases failed, but the suite ended with exit code 2"),
        ({"ending": "finished", "exit_code": 139}, "the suite was killed by signal 11 (SIGSEGV), exit code 139"),
    ],
)
async def test_a_quarantine_covers_no_other_reason_to_fail(
    rows: Any, take: Take, finish: Any, ended: dict[str, Any], detail: str
) -> None:
    """A timeout, a crash and an exit code that no failed test explains make the run errored."""
    rows(ADD, "checkout", None, "a")
    await finish(await take(), {"a": "failed", "b": "passed"}, Outcome(**TIMES, **ended))
    assert (rows.one(RUN)["status"], rows.one(RUN)["detail"]) == ("errored", detail)


async def test_a_suite_that_stops_at_a_quarantined_failure_does_not_pass(
    rows: Any, take: Take, finish: Any, outcomes: Outcomes
) -> None:
    """With `pytest -x`, the tests behind the first failure have not run."""
    rows(ADD, "checkout", None, "a")
    tests = Collection(collected=IdSet(count=3, digest="0" * 64), selected=IdSet(count=3, digest="0" * 64))
    ended = outcomes(exit_code=1).model_copy(
        update={"collection": tests, "failed_tests": FailedTests(one_case_each=True)}
    )
    await finish(await take(), {"b": "passed", "a": "failed"}, ended)
    run = rows.one(RUN)
    assert run["status"] == "errored"
    assert run["detail"] == "only quarantined cases failed, but 2 of 3 selected tests are in the reports"


async def test_an_entry_of_the_file_covers_its_case_in_its_branch(rows: Any, take: Take, finish: Any) -> None:
    """The file is part of the image, so that its entries decide about this run only."""
    entries = [reviewed("a"), reviewed("b", branch="main")]
    await finish(await take(), {"a": "failed", "b": "passed"}, reviewed=entries)
    assert rows.one(RUN)["status"] == "passed"
    listed = rows("SELECT source, suite, branch, name, owner FROM quarantines")
    assert listed == [{"source": "file", "suite": "checkout", "branch": "", "name": "a", "owner": "team"}]


async def test_the_file_of_an_earlier_run_covers_nothing(rows: Any, take: Take, finish: Any) -> None:
    """Its entries stay readable until a run of the branch ends without them, and they never decide."""
    rows("INSERT INTO test_runs (run_id, suite, status) VALUES ('r-0', 'checkout', 'queued')")
    rows("SELECT record_quarantine_file('r-0', %s)", f"[{reviewed('a').model_dump_json()}]")
    await finish(await take(), {"a": "failed", "b": "passed"})
    assert rows("SELECT status FROM test_runs WHERE run_id = 'r-1'") == [{"status": "failed"}]
    assert rows("SELECT FROM quarantines") == []


async def test_a_quarantined_case_that_passes_is_not_counted(rows: Any, take: Take, finish: Any) -> None:
    """Nothing was covered."""
    rows(ADD, "checkout", None, "a")
    await finish(await take(), {"a": "passed"}, reviewed=[reviewed("a")])
    assert rows.one(RUN) == {"status": "passed", "detail": None, "failed": 0, "errored": 0, "quarantined": 0}
