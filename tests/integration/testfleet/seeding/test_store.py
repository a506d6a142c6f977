"""A generated history in a real database."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.seeding import store
from testfleet.seeding.generate import History, generate
from testfleet.seeding.values import BAD, Scale

SCALE = Scale(days=9, suites=6, runs_per_day=25)


@pytest.fixture(scope="module")
def history() -> History:
    return generate(1, SCALE, datetime.now(UTC))


@pytest.fixture(scope="module")
def written(module_database_url: str, history: History) -> str:
    """The URL of a database with the history, which the tests only read."""
    store.write(Database(module_database_url), history)
    return module_database_url


def read(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_every_run_shard_and_case_is_a_row(written: str, history: History) -> None:
    (counted,) = read(
        written,
        "SELECT (SELECT count(*) FROM test_runs) AS runs, (SELECT count(*) FROM test_shards) AS shards, "
        "(SELECT count(*) FROM test_cases) AS cases, (SELECT count(*) FROM case_tries) AS tries",
    )
    assert counted.runs == len(history.runs)
    assert counted.shards == sum(len(run.shards) for run in history.runs)
    assert counted.cases == sum(len(run.cases) for run in history.runs)
    assert counted.tries == sum(len(case.tries) for run in history.runs for case in run.cases if len(case.tries) > 1)


def test_the_counts_of_each_run_are_those_of_its_cases(written: str) -> None:
    """The reporter keeps them equal, and so must a generated run."""
    different = read(
        written,
        "SELECT r.run_id FROM test_runs AS r LEFT JOIN LATERAL (SELECT count(*) AS total, "
        "count(*) FILTER (WHERE status = 'passed') AS passed, count(*) FILTER (WHERE status = 'failed') AS failed, "
        "count(*) FILTER (WHERE status = 'errored') AS errored, count(*) FILTER (WHERE status = 'skipped') AS skipped, "
        "count(*) FILTER (WHERE flaky) AS flaky FROM test_cases AS c WHERE c.run_id = r.run_id) AS counted ON true "
        "WHERE (r.total, r.passed, r.failed, r.errored, r.skipped, r.flaky) IS DISTINCT FROM "
        "(counted.total, counted.passed, counted.failed, counted.errored, counted.skipped, counted.flaky)",
    )
    assert different == []


def test_every_finished_run_is_folded_and_no_cancelled_one(written: str) -> None:
    assert read(written, "SELECT run_id FROM test_runs WHERE folded IS DISTINCT FROM (status <> 'cancelled')") == []


def test_each_failure_of_a_finished_run_is_classified(written: str, history: History) -> None:
    finished = {run.run_id for run in history.runs if run.status != "cancelled"}
    bad = Counter(one.run_id for one in history.labels.bad_cases if one.run_id in finished and one.status in BAD)
    assert dict(read(written, "SELECT run_id, count(*) FROM run_failures GROUP BY run_id")) == bad


def test_the_rows_of_old_days_are_in_partitions_of_their_month(written: str) -> None:
    assert read(written, "SELECT FROM test_cases_other") == []


def test_the_longest_case_name_and_markup_are_stored_as_they_are(written: str, history: History) -> None:
    names = {case.spec.name for run in history.runs for case in run.cases}
    assert {row.name for row in read(written, "SELECT DISTINCT name FROM test_cases")} == names


def test_a_database_with_other_runs_is_refused(database: Database) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("INSERT INTO test_runs (run_id, status) VALUES ('mine', 'queued')")
    small = generate(1, Scale(1, 1, 3), datetime.now(UTC))
    with pytest.raises(Refused, match="TESTFLEET_DATABASE_URL: the database holds 1 runs that were not generated"):
        store.write(database, small)
    store.write(database, small, force=True)
    assert len(read(database.url, "SELECT FROM test_runs")) == len(small.runs) + 1


def test_a_second_history_needs_another_seed(database: Database) -> None:
    end = datetime.now(UTC) - timedelta(days=3)
    first, second = generate(1, Scale(1, 1, 3), end), generate(12, Scale(1, 1, 3), end + timedelta(days=2))
    store.write(database, first)
    with pytest.raises(Refused, match="--seed: the database already holds the history of seed 1"):
        store.write(database, first)
    store.write(database, second)
    assert len(read(database.url, "SELECT FROM test_runs")) == len(first.runs) + len(second.runs)


def test_every_failure_with_a_text_has_a_cause(written: str) -> None:
    assert read(written, "SELECT FROM run_failures WHERE cause_id IS NULL") == []
    (causes,) = read(written, "SELECT count(*) AS causes, sum(occurrences) AS failures FROM causes")
    (failures,) = read(written, "SELECT count(*) AS failures FROM run_failures")
    assert causes.causes > 1
    assert causes.failures == failures.failures
