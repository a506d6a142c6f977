"""The run's 95th percentile."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handoff.records import Outcome
from reporter.fence import Fence
from reporter.results.database import Database
from tests.support.commits import finish

Take = Callable[..., Awaitable[Fence]]

Outcomes = Callable[..., Outcome]


@pytest.mark.parametrize(("reported", "expected"), [((120.5, 80.0, None), 120.5), ((None, 80.0, 120.5), 120.5)])
async def test_the_percentile_of_a_load_test_is_kept(
    *,
    database: Database,
    rows: Any,
    take: Take,
    benches: Callable[[int], Any],
    outcomes: Outcomes,
    reported: tuple[float | None, ...],
    expected: float,
) -> None:
    """The run has the greatest p95 of its shards, in any order and with any durations of cases."""
    for shard, p95 in enumerate(reported, start=1):
        prop = f"<properties><property name='p95_ms' value='{p95}'/></properties>" if p95 else ""
        benches(shard).write_text(
            f"<testsuites><testsuite>{prop}<testcase name='check {shard}' time='9'/></testsuite></testsuites>"
        )
        await finish(database, await take(f"{shard}/3", claim_id=str(shard)), benches(shard), outcomes())
    assert rows.one("SELECT status, p95_ms FROM test_runs") == {"status": "passed", "p95_ms": expected}


async def test_skipped_cases_do_not_count_for_the_percentile(
    database: Database, rows: Any, take: Take, bench: Any, outcomes: Outcomes
) -> None:
    times = {f"case {number}": number / 10 for number in range(1, 21)}
    body = "".join(f"<testcase name='{name}' time='{time}'/>" for name, time in times.items())
    skipped = "".join(f"<testcase name='s{number}' time='0'><skipped/></testcase>" for number in range(30))
    bench.write_text(f"<testsuites><testsuite>{body}{skipped}</testsuite></testsuites>")
    await finish(database, await take(), bench, outcomes())
    assert rows.one("SELECT p95_ms FROM test_runs") == {"p95_ms": pytest.approx(1905)}
