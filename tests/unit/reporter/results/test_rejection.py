"""Which runs a rejected message may end."""

import pytest

from handoff.records import InvalidJob
from reporter.results.rejection import NamedRun, ends

QUEUED = NamedRun(suite="checkout", started=False, finished=False)
RUNNING = NamedRun(suite="checkout", started=True, finished=False)
FINISHED = NamedRun(suite="checkout", started=True, finished=True)


@pytest.mark.parametrize(
    ("run", "own", "unreadable", "other"),
    [
        (QUEUED, True, True, False),
        (RUNNING, True, False, False),
        (FINISHED, False, False, False),
        (NamedRun(suite=None, started=False, finished=False), True, True, True),
        (NamedRun(suite=None, started=True, finished=False), False, False, False),
        (NamedRun(suite=None, started=False, finished=True), False, False, False),
    ],
)
def test_a_rejected_message_ends_only_a_run_of_its_own(
    run: NamedRun, *, own: bool, unreadable: bool, other: bool
) -> None:
    """The suite decides. A message without a readable suite ends only a run that was never claimed."""

    def rejection(suite: str | None) -> InvalidJob:
        return InvalidJob(
            message_id="m", run_id="r-1", suite=suite, reason="invalid_message", detail="shard: must be i/n"
        )

    assert ends(rejection("checkout"), run) is own
    assert ends(rejection(None), run) is unreadable
    assert ends(rejection("chekout"), run) is other
