"""An outbox with notices, and the server that they are sent to."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from testfleet.database.connection import Database
from tests.support.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def execute(database: Database) -> Callable[..., list[Any]]:
    """Runs SQL in the test's database and returns the rows."""

    def run(sql: str, *values: object) -> list[Any]:
        with psycopg.connect(database.url) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def finish(execute: Callable[..., list[Any]]) -> Callable[..., None]:
    """Finishes runs and writes their notices, as the reporter does."""

    def run(*run_ids: str, status: str = "passed", suite: str = "shop") -> None:
        for run_id in run_ids:
            execute(
                "INSERT INTO test_runs (run_id, suite, branch, status, total, passed, started_at, finished_at) "
                "VALUES (%s, %s, 'main', %s, 3, 3, now(), now())",
                *(run_id, suite, status),
            )
            execute("SELECT add_run_notices(%s)", run_id)

    return run
