"""How `pytest -n` gives tests to its processes."""

import re

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TEST_BY_TEST = re.compile(
    r"tests/acceptance/(local/(?!test_wheel|test_runs)|reporter/|runners/|testfleet/|worker/|keda/test_roles)"
)
"""Modules of slow tests without a fixture of the module. Their tests may run in different processes."""


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Keeps the tests of a module in one process, so that its fixtures are built once, and starts them in their order.

    xdist's own `--dist loadgroup` finds no group under pytest 9: it changes a test's name, which is fixed by then.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if TEST_BY_TEST.match(nodeid) else nodeid.partition("::")[0]
