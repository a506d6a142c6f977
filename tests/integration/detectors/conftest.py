"""One connection on which the functions of the detectors are called."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.results import Ask


@pytest.fixture(scope="module")
def ask(module_database_url: str) -> Iterator[Ask]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:

        def value(statement: str, *values: Any) -> Any:
            row = connection.execute(statement.encode(), values).fetchone()
            assert row is not None
            return row[0]

        yield value
