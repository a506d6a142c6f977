"""The recorded commands of the runbook."""

import pytest

from tests.support.runbook import Session, run


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The commands of the runbook, recorded once."""
    return run(tmp_path_factory.mktemp("runbook"))
