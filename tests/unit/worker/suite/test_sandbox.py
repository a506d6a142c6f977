"""The request to each version of Landlock. tests/acceptance/worker/test_sandbox.py covers its effect."""

import pytest

from worker.suite.sandbox import ruleset_attributes

UP_TO_REFER, TRUNCATE, SCOPE_SIGNAL = (1 << 14) - 1, 1 << 14, 1 << 1


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        (2, (UP_TO_REFER,)),
        (3, (UP_TO_REFER | TRUNCATE,)),
        (5, (UP_TO_REFER | TRUNCATE,)),
        (6, (UP_TO_REFER | TRUNCATE, 0, SCOPE_SIGNAL)),
        (7, (UP_TO_REFER | TRUNCATE, 0, SCOPE_SIGNAL)),
    ],
)
def test_a_kernel_gets_the_fields_that_its_landlock_knows(version: int, fields: tuple[int, ...]) -> None:
    """The kernel rejects an unknown field, and the suite could not start."""
    assert ruleset_attributes(version) == fields
