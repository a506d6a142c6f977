"""Upserts in PostgreSQL: fenced and repeatable. No case is lost if shards share names."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reporter.errors import Superseded
from reporter.fence import Fence
from reporter.junit.case import Case, Status, Try
from reporter.results.case_rows import save
from reporter.results.database import Database, connect

Take = Callable[..., Awaitable[Fence]]
NAMES = "SELECT name, shard FROM test_cases ORDER BY 1"


def cases(*names: str, status: Status = Status.PASSED) -> list[Case]:
    return [Case(name, status, duration_ms=1.5) for name in names]


async def put(database: Database, fence: Fence, batch: list[Case]) -> None:
    await save(database, fence, batch)


async def test_every_field_of_a_case_is_stored(database: Database, rows: Any, take: Take) -> None:
    flaky = Case(
        "a > b", Status.PASSED, file="a.spec.ts", flaky=True, duration_ms=12.5, error=None,
        tries=(Try(Status.FAILED, 10.0, "boom ☂", "boom"), Try(Status.PASSED, 12.5)),
    )  # fmt: skip
    bad = Case(
        "c", Status.ERRORED, error="x", error_type="TypeError", fingerprint="f", message="no session", location="c.py:3"
    )
    await put(database, await take(), [flaky, bad])
    assert rows("SELECT name, shard, attempt, file, status, flaky, tries, duration_ms, error, error_type, fingerprint, "
                "message, location FROM test_cases ORDER BY name") == [
        {"name": "a > b", "shard": 1, "attempt": 1, "file": "a.spec.ts", "status": "passed", "flaky": True, "tries": 2,
         "duration_ms": 12.5, "error": None, "error_type": None, "fingerprint": None,
         "message": None, "location": None},
        {"name": "c", "shard": 1, "attempt": 1, "file": None, "status": "errored", "flaky": False, "tries": 1,
         "duration_ms": None, "error": "x", "error_type": "TypeError", "fingerprint": "f",
         "message": "no session", "location": "c.py:3"},
    ]  # fmt: skip
    assert rows("SELECT name, attempt, try, status, duration_ms, error, message FROM case_tries ORDER BY try") == [
        {
            "name": "a > b",
            "attempt": 1,
            "try": 1,
            "status": "failed",
            "duration_ms": 10.0,
            "error": "boom ☂",
            "message": "boom",
        },
        {
            "name": "a > b",
            "attempt": 1,
            "try": 2,
            "status": "passed",
            "duration_ms": 12.5,
            "error": None,
            "message": None,
        },
    ]


async def test_saving_again_writes_no_row(database: Database, rows: Any, take: Take) -> None:
    """A restarted reporter tails from the start. No row gets a new version."""
    fence = await take()
    tries = (Try(Status.FAILED, message="boom"), Try(Status.PASSED))
    batch = [*cases("a", "b"), Case("c", Status.PASSED, flaky=True, tries=tries)]
    batch.append(Case("d", Status.FAILED, message="no session", location="d.py:3"))
    await put(database, fence, batch)
    before = rows.versions()
    await put(database, fence, batch)
    assert rows.versions() == before


async def test_a_later_result_replaces_the_case_and_its_tries(database: Database, rows: Any, take: Take) -> None:
    """Tries of the replaced result are deleted."""
    fence = await take()
    first = Case("a", Status.FAILED, tries=(Try(Status.FAILED, 1), Try(Status.FAILED, 2), Try(Status.FAILED, 3)))
    await put(database, fence, [first])
    await put(
        database, fence, [Case("a", Status.PASSED, flaky=True, tries=(Try(Status.FAILED, 1), Try(Status.PASSED)))]
    )
    assert rows.one("SELECT status, flaky, tries FROM test_cases") == {"status": "passed", "flaky": True, "tries": 2}
    assert rows("SELECT try, status FROM case_tries ORDER BY 1") == [
        {"try": 1, "status": "failed"}, {"try": 2, "status": "passed"}
    ]  # fmt: skip
    await put(database, fence, cases("a"))
    assert rows("SELECT try FROM case_tries") == []


async def test_the_last_of_two_cases_with_one_name_in_a_batch_counts(database: Database, rows: Any, take: Take) -> None:
    """A case may finish, be retried and finish again within one batch."""
    await put(database, await take(), [*cases("a", status=Status.FAILED), *cases("b", "a")])
    assert rows("SELECT name, status FROM test_cases ORDER BY 1") == [
        {"name": "a", "status": "passed"}, {"name": "b", "status": "passed"}
    ]  # fmt: skip


async def test_a_pod_whose_shard_was_taken_writes_nothing(database: Database, rows: Any, take: Take) -> None:
    """A pod that was presumed dead continues, and changes and inserts no row."""
    lost = await take(claim_id="lost")
    await put(database, lost, cases("a"))
    rows("UPDATE test_shards SET lease_until = now() - interval '1 s'")
    await take(claim_id="new")
    before = rows.versions()
    with pytest.raises(Superseded):
        await put(database, lost, [*cases("a", status=Status.FAILED), *cases("b")])
    assert rows.versions() == before


async def test_the_next_attempt_takes_its_rows_over(database: Database, rows: Any, take: Take) -> None:
    """The same cases in a second attempt are the same rows with the new attempt."""
    case = Case("a", Status.PASSED, flaky=True, tries=(Try(Status.FAILED), Try(Status.PASSED)))
    await put(database, await take(claim_id="lost"), [case])
    rows("UPDATE test_shards SET lease_until = now() - interval '1 s'")
    await put(database, await take(claim_id="new"), [case])
    assert rows("SELECT name, attempt FROM test_cases") == [{"name": "a", "attempt": 2}]
    assert rows("SELECT attempt, try FROM case_tries ORDER BY 2") == [
        {"attempt": 2, "try": 1},
        {"attempt": 2, "try": 2},
    ]


async def test_a_name_of_another_shards_row_gets_the_shard(database: Database, rows: Any, take: Take) -> None:
    """The first shard keeps the plain name in every order of later writes."""
    first, second = await take("1/2", claim_id="1"), await take("2/2", claim_id="2")
    shared = Case("a", Status.PASSED, flaky=True, tries=(Try(Status.FAILED), Try(Status.PASSED)))
    await put(database, second, [shared, *cases("only 2")])
    await put(database, first, [*cases("a"), *cases("only 1")])
    await put(database, second, [shared])
    await put(database, first, cases("a"))
    assert rows(NAMES) == [
        {"name": "a", "shard": 2},
        {"name": "a [shard 1/2]", "shard": 1},
        {"name": "only 1", "shard": 1},
        {"name": "only 2", "shard": 2},
    ]
    assert {row["name"] for row in rows("SELECT name FROM case_tries")} == {"a"}


async def test_a_name_with_the_shard_differs_from_a_plain_name_of_that_text(
    database: Database, rows: Any, take: Take
) -> None:
    """Two cases never share a row, even if the name of one contains a shard itself."""
    first, second = await take("1/2", claim_id="1"), await take("2/2", claim_id="2")
    await put(database, first, cases("a", "b", "b [shard 2/2]"))
    await put(database, second, cases("a", "a [shard 2/2]", "b", "b [shard 2/2]"))
    assert [row["name"] for row in rows(NAMES) if row["shard"] == 2] == [
        "a [shard 2/2]",
        "a [shard 2/2] [shard 2/2]",
        "b [shard 2/2] [shard 2/2]",
        "b [shard 2/2] [shard 2/2] [shard 2/2]",
    ]


async def test_shards_that_save_the_same_names_at_once_lose_no_case(database_url: str, rows: Any, take: Take) -> None:
    """Six pods insert overlapping names in random order and batches: each case of each shard has its row."""
    seed = random.Random(7)
    names = [f"case {number}" for number in range(120)]
    fences = [await take(f"{shard}/6", claim_id=str(shard)) for shard in range(1, 7)]

    async def pod(fence: Fence) -> None:
        mine = seed.sample(names, len(names))
        async with connect(database_url, patience=30) as database:
            for start in range(0, len(mine), 17):
                await put(database, fence, cases(*mine[start : start + 17]))
            await put(database, fence, cases(*mine))

    await asyncio.gather(*(pod(fence) for fence in fences))
    counts = rows("SELECT shard, count(*) AS n FROM test_cases GROUP BY 1 ORDER BY 1")
    assert counts == [{"shard": shard, "n": len(names)} for shard in range(1, 7)]
    for row in rows("SELECT name, shard FROM test_cases WHERE strpos(name, '[') > 0"):
        assert row["name"].endswith(f"[shard {row['shard']}/6]")
    assert rows.one("SELECT count(*) AS n FROM test_cases WHERE strpos(name, '[') = 0") == {"n": len(names)}
