"""The decision of a claim over the current rows."""

import pytest

from handoff.message import JobMessage, Shard
from handoff.records import AlreadyComplete, Busy, Decision, Rejected, Run
from reporter.results.claim import Claimant, RunRow, ShardRow, decide

JOB = JobMessage(run_id="r-1", suite="checkout", shard=Shard(index=2, total=4))
ME = Claimant(job=JOB, claim_id="mine", message_id="m-1", worker="pod")
RUN = RunRow(suite="checkout", shards=4, finished=False)


def held(status: str = "running", *, leased: bool = True, claim_id: str = "other", message_id: str = "m-1") -> ShardRow:
    return ShardRow(claim_id=claim_id, attempt=3, status=status, leased=leased, message_id=message_id)


@pytest.mark.parametrize(
    ("run", "shard", "decision"),
    [
        (RUN, None, Run(attempt=1)),
        (RunRow(suite=None, shards=None, finished=False), None, Run(attempt=1)),
        (RUN, held("interrupted", leased=False), Run(attempt=4)),
        (RUN, held("interrupted", leased=False, claim_id="mine"), Run(attempt=4)),
        (RUN, held(leased=False), Run(attempt=4)),
        (RUN, held(leased=True), Busy(retry_after=120, same_message=True)),
        (RUN, held(leased=True, message_id="m-2"), Busy(retry_after=120, same_message=False)),
        (RUN, held(leased=True, claim_id="mine"), Run(attempt=3)),
        (RUN, held(leased=False, claim_id="mine"), Run(attempt=3)),
        (RUN, held("passed", leased=False), AlreadyComplete()),
        (RUN, held("failed", leased=False), AlreadyComplete()),
        (RUN, held("errored", leased=False), AlreadyComplete()),
        (RUN, held("passed", leased=False, claim_id="mine"), AlreadyComplete()),
        (RunRow(suite="checkout", shards=4, finished=True), None, AlreadyComplete()),
        (RunRow(suite="checkout", shards=4, finished=True), held("interrupted", leased=False), AlreadyComplete()),
        (RunRow(suite=None, shards=None, finished=True), None, AlreadyComplete()),
    ],
)
def test_a_claim_is_decided_by_the_rows(run: RunRow, shard: ShardRow | None, decision: Decision) -> None:
    """Each state of run and shard has exactly one decision."""
    assert decide(ME, run, shard, lease=120) == decision


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("shard", [None, held(), held("passed", leased=False)])
def test_a_contradiction_comes_before_everything_else(finished: bool, shard: ShardRow | None) -> None:
    """A message with another suite or total is rejected, even if the shard is complete or busy."""
    suite = decide(ME, RunRow(suite="login", shards=4, finished=finished), shard, lease=120)
    total = decide(ME, RunRow(suite="checkout", shards=8, finished=finished), shard, lease=120)
    assert isinstance(suite, Rejected)
    assert (suite.reason, suite.detail) == ("other_suite", "suite: must be login, the suite of run r-1")
    assert isinstance(total, Rejected)
    assert (total.reason, total.detail) == ("other_total", "shard: must be i/8, as run r-1 has it")
