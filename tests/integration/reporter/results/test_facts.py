"""What a run tests, where it ran and how long its pods took are in its rows."""

from collections.abc import Callable
from typing import Any

import pytest

from handoff.message import JobMessage, Shard
from handoff.records import Run
from reporter.fence import Fence
from reporter.results.abandonment import QueueEvidence
from reporter.results.claim import Claimant, Pod, claim
from reporter.results.commit import commit
from reporter.results.database import Database
from reporter.results.interruption import release_lease
from reporter.results.sweep import sweep

ABOUT = {
    "commit": "9f2c1ab",
    "branch": "fix",
    "pull_request": "42",
    "parent_commit": "1d0c7e2",
    "author": "Ada Lovelace",
    "ci_url": "https://ci.example.com/7",
    "environment": "staging",
}
RUN = f"SELECT {', '.join(ABOUT)}, image_digest, tools FROM test_runs"
HOUR = 3600


def claimant(number: int = 1, total: int = 1, pod: Pod | None = None, **about: str) -> Claimant:
    job = JobMessage(run_id="r-1", suite="checkout", shard=Shard(index=number, total=total), **about)  # type: ignore[arg-type]  # texts only
    return Claimant(job, f"c-{number}-{pod}", f"m-{number}", "pod", pod or Pod())


async def take(database: Database, who: Claimant) -> Fence:
    decision = await claim(database, who, lease=120)
    assert isinstance(decision, Run)
    return Fence("r-1", who.job.shard, decision.attempt)


def age(rows: Any, seconds: int, columns: str = "started_at, lease_until") -> None:
    """Move times of the shards into the past."""
    moved = ", ".join(f"{name.strip()} = {name} - make_interval(secs => {seconds})" for name in columns.split(","))
    rows(f"UPDATE test_shards SET {moved}")


async def test_a_claim_records_what_the_run_tests(database: Database, rows: Any) -> None:
    await take(database, claimant(1, 1, Pod("sha256:abc", 600, 1280), **ABOUT))
    assert rows.one(RUN) == ABOUT | {"image_digest": "sha256:abc", "tools": None}
    shard = rows.one("SELECT image_digest, cpu_millis, memory_mib, earlier_seconds FROM test_shards")
    assert shard == {"image_digest": "sha256:abc", "cpu_millis": 600, "memory_mib": 1280, "earlier_seconds": 0}


async def test_a_run_keeps_what_is_known_and_gets_what_was_missing(database: Database, rows: Any) -> None:
    """A message of an older sender has fewer fields than the run's registration."""
    rows(
        "INSERT INTO test_runs (run_id, suite, shards, status, author, queued_at) "
        "VALUES ('r-1', 'checkout', 1, 'queued', 'Ada', now())"
    )
    await take(database, claimant(author="Bot", pull_request="42"))
    assert rows.one("SELECT author, pull_request, ci_url FROM test_runs") == {
        "author": "Ada",
        "pull_request": "42",
        "ci_url": None,
    }


async def test_the_last_attempt_names_its_image_and_the_run_that_of_the_first_claim(
    database: Database, rows: Any
) -> None:
    """During a rollout, the shards of a run may have different images."""
    first = await take(database, claimant(pod=Pod("sha256:old", 500, 1024)))
    await release_lease(database, first, "drained")
    await take(database, claimant(pod=Pod("sha256:new", 700, 2048)))
    assert rows.one("SELECT image_digest, cpu_millis, memory_mib FROM test_shards") == {
        "image_digest": "sha256:new",
        "cpu_millis": 700,
        "memory_mib": 2048,
    }
    assert rows.one("SELECT image_digest FROM test_runs") == {"image_digest": "sha256:old"}


async def test_a_commit_records_the_versions_of_the_tools(
    database: Database, rows: Any, benches: Callable[[int], Any], outcomes: Callable[..., Any]
) -> None:
    """The run has those of its first complete shard."""
    for number, tools in enumerate(({"k6": "1.1.0", "python": "3.13.1"}, {"k6": "1.2.0"}), 1):
        fence = await take(database, claimant(number, 2))
        bench = benches(number)
        bench.write({f"case {number}": "passed"})
        await commit(database, fence, bench.reader(), outcomes().model_copy(update={"tools": tools}), [])
    assert rows("SELECT tools FROM test_shards ORDER BY shard") == [
        {"tools": {"k6": "1.1.0", "python": "3.13.1"}},
        {"tools": {"k6": "1.2.0"}},
    ]
    assert rows.one("SELECT tools FROM test_runs") == {"tools": {"k6": "1.1.0", "python": "3.13.1"}}


async def test_the_time_of_an_interrupted_attempt_is_kept(database: Database, rows: Any) -> None:
    first = await take(database, claimant())
    age(rows, 90)
    await release_lease(database, first, "drained")
    await take(database, claimant(pod=Pod("sha256:2")))
    assert rows.one("SELECT earlier_seconds FROM test_shards")["earlier_seconds"] == pytest.approx(90, abs=30)


async def test_a_crashed_attempt_counts_until_the_end_of_its_lease(database: Database, rows: Any) -> None:
    """When the pod died is unknown. It renewed the lease while it lived."""
    await take(database, claimant())
    age(rows, HOUR)
    await take(database, claimant(pod=Pod("sha256:2")))
    assert rows.one("SELECT earlier_seconds FROM test_shards")["earlier_seconds"] == pytest.approx(120, abs=1)


async def test_an_abandoned_attempt_counts_once_and_not_until_the_sweep(database: Database, rows: Any) -> None:
    """The sweep comes half an hour after the pod's end, and a redriven message may run the shard again."""
    await take(database, claimant(1, 2))
    age(rows, HOUR)
    rows("UPDATE test_runs SET started_at = started_at - interval '1 hour'")
    evidence = QueueEvidence(older_than=1800, dead=frozenset({("r-1", 1)}), empty=False, retention=86400)
    assert [swept async for swept in sweep(database, evidence)]
    known = "SELECT earlier_seconds, extract(epoch FROM finished_at - started_at)::float AS apart FROM test_shards"
    assert rows.one(known)["earlier_seconds"] == pytest.approx(120, abs=1)
    assert rows.one(known)["apart"] == pytest.approx(HOUR, abs=60)
    await take(database, claimant(1, 2, pod=Pod("sha256:2")))
    assert rows.one(known)["earlier_seconds"] == pytest.approx(120, abs=1)
