"""Past runs in a database of this test."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.folded_runs import Past


@pytest.fixture
def past(database_url: str) -> Iterator[Past]:
    """Adds finished runs and folds them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Past(connection)
