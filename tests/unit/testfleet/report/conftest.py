"""Reports made by hand."""

import pytest

from tests.support.run_report import Make


@pytest.fixture
def make() -> Make:
    return Make()
