"""A database out of reach and a missing bucket: no result is lost."""

from typing import Any

from handoff import volume
from handoff.records import (
    Admission,
    Failed,
    Run,
    Unavailable,
)


def test_a_database_out_of_reach_at_the_claim_is_unavailable(pod: Any) -> None:
    """No suite starts if its results could not be stored."""
    pod.start(REPORTER_DATABASE_URL="postgresql://qa@127.0.0.1:1/none", REPORTER_DATABASE_PATIENCE="1")
    pod.job()
    decision = pod.admission()
    assert isinstance(decision, Unavailable)
    assert decision.detail.startswith("the database is out of reach: ")
    assert pod.stop() == 0
    assert not pod.has("receipt.json")


def test_a_database_out_of_reach_at_the_end_is_a_failure_with_a_reason(pod: Any) -> None:
    """The database stays out of reach beyond the patience. The message must become visible again."""
    volume.write(pod.handoff, Admission(Run(attempt=1)))
    pod.job()
    pod.report("a")
    pod.outcome()
    pod.start(REPORTER_DATABASE_URL="postgresql://qa@127.0.0.1:1/none", REPORTER_DATABASE_PATIENCE="1")
    receipt = pod.receipt()
    assert isinstance(receipt, Failed)
    assert receipt.detail.startswith("the database is out of reach: ")
    assert pod.stop() == 0


def test_a_missing_bucket_is_a_failure_with_a_reason_and_releases_the_lease(pod: Any) -> None:
    """No artifact has a row without an object, and the next attempt can start at once."""
    pod.start(REPORTER_BUCKET="qa-not-there")
    pod.job()
    pod.admission()
    pod.report("a")
    pod.outcome()
    receipt = pod.receipt()
    assert isinstance(receipt, Failed)
    assert receipt.detail.startswith("the bucket refused r-1/1/1/junit/junit.xml: ")
    assert pod.rows("SELECT status, detail, lease_until FROM test_shards") == [
        {"status": "interrupted", "detail": receipt.detail, "lease_until": None}
    ]
    assert pod.rows("SELECT * FROM artifacts") == []
