"""The final transaction in PostgreSQL: atomic and repeatable, and every run ends."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from handoff.records import Committed, Outcome, Run
from reporter.artifact import Artifact
from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.junit.case import Case, Status
from reporter.results.case_rows import save
from reporter.results.claim import claim
from reporter.results.database import Connection, Database, connect
from tests.support.commits import finish

Take = Callable[..., Awaitable[Fence]]

Outcomes = Callable[..., Outcome]

RUN_OUT = "UPDATE test_shards SET lease_until = now() - interval '1 s' WHERE status = 'running'"

RUN = "SELECT status, detail, shards_done, total, passed, failed, skipped, p95_ms, finished_at FROM test_runs"


class Twice(Database):
    """Loses the answer to every step that succeeds, so that each step runs twice."""

    async def run(self, step: Callable[[Connection], Awaitable[Any]], *, patience: float | None = None) -> Any:
        await super().run(step, patience=patience)
        return await super().run(step, patience=patience)


def artifact(path: str, size: int = 3) -> Artifact:
    return Artifact(path, f"s3://qa/r-1/1/1/{path}", "other", size, "text/plain")


async def test_a_complete_shard_has_every_row(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """Cases, artifacts, shard and run are stored, and the receipt counts them."""
    fence = await take()
    bench.write({"a": "passed", "b": "failed", "c": "skipped"})
    receipt = await finish(database, fence, bench, outcomes(exit_code=1), (artifact("x.log"), artifact("y.log", 0)))
    assert receipt == Committed(status="failed", cases=3, artifacts=2)
    run = rows.one(RUN)
    assert run.pop("finished_at") is not None
    assert run == {"status": "failed", "detail": None, "shards_done": 1, "total": 3, "passed": 1, "failed": 1,
                   "skipped": 1, "p95_ms": pytest.approx(100)}  # fmt: skip
    shard = rows.one("SELECT status, lease_until, cases, outcome, exit_code, finished_at FROM test_shards")
    assert shard.pop("finished_at") is not None
    assert shard == {"status": "failed", "lease_until": None, "cases": 3, "outcome": "finished", "exit_code": 1}
    assert rows("SELECT s3_uri, run_id, shard, attempt, bytes FROM artifacts ORDER BY 1") == [
        {"s3_uri": "s3://qa/r-1/1/1/x.log", "run_id": "r-1", "shard": 1, "attempt": 1, "bytes": 3},
        {"s3_uri": "s3://qa/r-1/1/1/y.log", "run_id": "r-1", "shard": 1, "attempt": 1, "bytes": 0},
    ]


async def test_a_commit_whose_answer_was_lost_changes_nothing_the_second_time(
    database_url: str, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """The second call returns the same receipt."""
    fence = await take()
    bench.write({"a": "passed"})
    async with connect(database_url, patience=30) as database:
        first = await finish(database, fence, bench, outcomes(), (artifact("x"),))
        before = rows.versions()
        again = await finish(Twice(database._pool, patience=30), fence, bench, outcomes(), (artifact("x"),))
    assert first == again == Committed(status="passed", cases=1, artifacts=1)
    assert rows.versions() == before


async def test_a_pod_whose_shard_was_taken_commits_nothing(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """The final transaction of a pod that was presumed dead changes no row."""
    lost = await take(claim_id="lost")
    rows(RUN_OUT)
    await take(claim_id="new")
    bench.write({"a": "failed"})
    before = rows.versions()
    with pytest.raises(Superseded):
        await finish(database, lost, bench, outcomes(), (artifact("x"),))
    assert rows.versions() == before


async def test_the_second_attempt_leaves_the_rows_of_an_undisturbed_run(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """Rows of the first attempt alone are deleted. Rows of both have attempt 2."""
    lost = await take(claim_id="lost")
    await save(database, lost, [Case("a", Status.FAILED), Case("gone", Status.PASSED)])
    rows(RUN_OUT)
    fence = await take(claim_id="new")
    bench.write({"a": "passed", "b": "passed"})
    await finish(database, fence, bench, outcomes())
    assert rows("SELECT name, attempt, status FROM test_cases ORDER BY 1") == [
        {"name": "a", "attempt": 2, "status": "passed"},
        {"name": "b", "attempt": 2, "status": "passed"},
    ]
    assert rows.one("SELECT status, total FROM test_runs") == {"status": "passed", "total": 2}


async def test_every_value_of_a_report_can_be_stored(
    *, database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """Extreme times and figures and the longest names cause no error."""
    seed = random.Random(7)
    name = "".join(chr(seed.randrange(0x4E00, 0x9FFF)) for _ in range(3000))  # does not compress
    bench.write_text(
        "<testsuites><testsuite name='s'><properties><property name='p95_ms' value='1.7e308'/></properties>"
        f"<testcase name='{name}' time='1.7e308' timestamp='9999-12-31T23:59:59-14:00'><flakyFailure time='1.7e308'/>"
        f"<system-out>[[ATTACHMENT|../x]]</system-out></testcase>"
        "<testcase name='b' time='1e4' timestamp='9999-12-31T10:00:00-12:00'/>"
        "<testcase name='c' time='1e14' timestamp='2026-01-01T00:00:00Z'/></testsuite></testsuites>"
    )
    long = Artifact("x", f"s3://{'b' * 63}/{name[:341]}x", "other", 3, "text/plain")
    receipt = await finish(database, await take(), bench, outcomes(), (long,))
    assert receipt == Committed(status="passed", cases=3, artifacts=1)
    by_letter = "ORDER BY right(name, 1) = 'c', right(name, 1) = 'b'"
    assert rows(f"SELECT duration_ms, started_at, finished_at FROM test_cases {by_letter}") == [
        {"duration_ms": None, "started_at": None, "finished_at": None},
        {"duration_ms": 1e7, "started_at": None, "finished_at": None},
        {"duration_ms": None, "started_at": datetime(2026, 1, 1, tzinfo=UTC), "finished_at": None},
    ]
    assert rows.one("SELECT p95_ms FROM test_runs") == {"p95_ms": 1e7}


async def test_the_longest_names_of_a_message_fit_every_index(
    database: Database, rows: Any, bench: Any, outcomes: Outcomes, claimants: Callable[..., Any]
) -> None:
    """A run id of 128 characters, a suite of 1,024 bytes and a case's name of 2,000 bytes that do not compress."""
    seed = random.Random(7)
    text = "".join(chr(seed.randrange(0x4E00, 0x9FFF)) for _ in range(3000))
    run_id = "".join(seed.choices("ABCDEFabcdef0123456789._-", k=128))
    who = claimants(run_id=run_id, suite=text[:341])
    assert isinstance(await claim(database, who, lease=60), Run)
    bench.write_text(f"<testsuite><testcase name='{text}'><flakyFailure/></testcase></testsuite>")
    fence = Fence(run_id, who.job.shard, 1)
    assert (await finish(database, fence, bench, outcomes())).status == "passed"
    assert rows.one("SELECT octet_length(name) AS n FROM case_tries WHERE try = 1")["n"] > 1990


async def test_artifacts_of_an_earlier_attempt_stay(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """They belong to the first attempt and have its number."""
    await take(claim_id="lost")
    rows("INSERT INTO artifacts (s3_uri, run_id, shard, attempt, kind, bytes, content_type) "
         "VALUES ('s3://qa/old', 'r-1', 1, 1, 'log', 1, 'text/plain')")  # fmt: skip
    rows(RUN_OUT)
    bench.write({"a": "passed"})
    receipt = await finish(database, await take(claim_id="new"), bench, outcomes(), (artifact("x"),))
    assert receipt.artifacts == 1
    assert rows.one("SELECT count(*) AS n FROM artifacts") == {"n": 2}


@pytest.mark.parametrize("total", [2, 8])
async def test_overlapping_commits_always_end_the_run(
    *,
    database_url: str,
    rows: Any,
    take: Take,
    benches: Callable[[int], Any],
    outcomes: Outcomes,
    total: int,
) -> None:
    """All shards commit shared names at once. The last commit ends the run with the right totals."""
    fences = [await take(f"{shard}/{total}", claim_id=str(shard)) for shard in range(1, total + 1)]

    async def pod(fence: Fence) -> Committed:
        bench = benches(fence.shard.index)
        bench.write({"shared": "passed", "all alike": "passed", f"own {fence.shard.index}": "skipped"})
        async with connect(database_url, patience=30) as database:
            return await finish(database, fence, bench, outcomes())

    receipts = await asyncio.gather(*(pod(fence) for fence in fences))
    assert receipts == [Committed(status="passed", cases=3)] * total
    run = rows.one(RUN)
    assert run.pop("finished_at") is not None
    assert run == {"status": "passed", "detail": None, "shards_done": total, "total": 3 * total,
                   "passed": 2 * total, "failed": 0, "skipped": total, "p95_ms": pytest.approx(100)}  # fmt: skip


async def test_a_run_waits_for_all_its_shards(
    database: Database, rows: Any, take: Take, benches: Callable[[int], Any], outcomes: Outcomes
) -> None:
    """One of two shards is complete: the run is running, without an end and without a percentile."""
    benches(1).write({"a": "failed"})
    await finish(database, await take("1/2", claim_id="1"), benches(1), outcomes())
    run = rows.one("SELECT status, shards_done, finished_at, p95_ms FROM test_runs")
    assert run == {"status": "running", "shards_done": 1, "finished_at": None, "p95_ms": None}


async def test_a_run_in_which_no_case_ran_is_errored(
    database: Database, rows: Any, take: Take, benches: Callable[[int], Any], outcomes: Outcomes
) -> None:
    """An empty shard passes, and a skipped case does not count. A passed run needs one case that ran."""
    for shard, cases in ((1, {}), (2, {"a": "skipped"})):
        benches(shard).write(cases)
        fence = await take(f"{shard}/2", claim_id=str(shard))
        assert (await finish(database, fence, benches(shard), outcomes())).status == "passed"
    assert rows.one("SELECT status, detail FROM test_runs") == {
        "status": "errored", "detail": "no case of the whole run ran"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "exit_code", "detail_of_outcome", "text", "status", "detail"),
    [
        ("failed_to_start", None, "no such file", None, "errored", "the suite could not start: no such file"),
        ("failed_to_start", None, "a\0b", None, "errored", "the suite could not start: a\ufffdb"),
        ("timed_out", -15, "after 30 s", None, "errored", "the suite ran out of time: after 30 s"),
        ("finished", 3, None, None, "errored", "the suite left no JUnit report: exit code 3"),
        ("finished", -9, None, None, "errored", "the suite was killed by signal 9 (SIGKILL)"),
        ("finished", 0, None, "<testsuites/>", "errored", "the report holds no case"),
    ],
)
async def test_an_errored_shard_has_a_reason(
    *,
    database: Database,
    rows: Any,
    take: Take,
    bench: Any,
    outcomes: Outcomes,
    ending: str,
    exit_code: int | None,
    detail_of_outcome: str | None,
    text: str | None,
    status: str,
    detail: str,
) -> None:
    """Shard and run have the reason, and the receipt has the status."""
    if text:
        bench.write_text(text)
    receipt = await finish(database, await take(), bench, outcomes(ending, exit_code, detail_of_outcome))
    assert receipt.status == status
    assert rows.one("SELECT status, detail FROM test_shards") == {"status": status, "detail": detail}
    assert rows.one("SELECT status, detail FROM test_runs") == {"status": status, "detail": detail}


async def test_a_report_that_breaks_off_is_errored_and_keeps_its_cases(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    """An incomplete report without a failure proves nothing."""
    bench.write({"a": "passed"}, "1.xml")
    bench.write_text("<testsuites><testsuite><testcase name='b'/>", "2.xml")
    assert (await finish(database, await take(), bench, outcomes())).status == "errored"
    assert rows.one("SELECT detail FROM test_shards")["detail"].startswith("the report junit/2.xml breaks off")


async def test_an_artifact_has_the_name_of_its_cases_row(
    database: Database, rows: Any, take: Take, benches: Callable[[int], Any], outcomes: Outcomes
) -> None:
    """The name may contain the shard."""
    attached = "<testsuites><testsuite><testcase name='a'><system-out>[[ATTACHMENT|../v.webm]]</system-out></testcase>"
    for shard in (1, 2):
        benches(shard).write_text(attached + "</testsuite></testsuites>")
        (benches(shard).artifacts / "v.webm").write_bytes(b"v")
        fence = await take(f"{shard}/2", claim_id=str(shard))
        one = Artifact("v.webm", f"s3://qa/{shard}/v.webm", "video", 1, "video/webm")
        other = Artifact("other", f"s3://qa/{shard}/other", "other", 1, "text/plain")
        await finish(database, fence, benches(shard), outcomes(), (one, other))
    assert rows("SELECT s3_uri, case_name FROM artifacts ORDER BY 1") == [
        {"s3_uri": "s3://qa/1/other", "case_name": None},
        {"s3_uri": "s3://qa/1/v.webm", "case_name": "a"},
        {"s3_uri": "s3://qa/2/other", "case_name": None},
        {"s3_uri": "s3://qa/2/v.webm", "case_name": "a [shard 2/2]"},
    ]
