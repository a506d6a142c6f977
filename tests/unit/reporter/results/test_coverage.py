"""The check whether the shards together ran the collected tests: digests are compared and added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.records import Collection, IdSet
from reporter.results.coverage import doubt
from reporter.results.verdict import ShardVerdict, Verdict, of_run
from worker.runners.inside.testfleet_suite import collection

ALL = ("a", "b", "c")


def of(collected: tuple[str, ...], selected: tuple[str, ...]) -> Collection:
    return Collection(collected=IdSet(**collection.tests(collected)), selected=IdSet(**collection.tests(selected)))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((of(ALL, ("a",)), of(ALL, ("b", "c"))), None),
        ((of(ALL, ()), of(ALL[::-1], ALL)), None),
        ((None, None), None),
        ((None, of(ALL, ("a",))), None),  # a timeout, another version of the worker, k6
        (
            (of(ALL, ("a",)), of(ALL, ("b",))),
            "the shards together selected 2 tests, and not each of the 3 collected ones once (1/2: 1, 2/2: 1)",
        ),
        (
            (of(ALL, ("a", "b")), of(ALL, ("b",))),
            "the shards together selected 3 tests, and not each of the 3 collected ones once (1/2: 2, 2/2: 1)",
        ),
        (
            (of(ALL, ("a",)), of((*ALL, "d"), ("b", "c"))),
            (
                "the shards collected different tests (log/collected.txt lists them): "
                "shard 1/2 3 tests (3738952c); shard 2/2 4 tests (4fe4d39f)"
            ),
        ),
    ],
)
def test_the_shards_together_must_select_the_collected_tests(
    records: tuple[Collection | None, ...], expected: str | None
) -> None:
    """The reason names the shards. A shard without a record raises no doubt by itself."""
    assert doubt(len(records), dict(enumerate(records, start=1))) == expected


def test_two_shards_that_differ_are_doubted_although_a_third_has_no_record() -> None:
    records = {1: of(ALL, ALL), 2: None, 3: of(("x",), ())}
    assert (doubt(3, records) or "").startswith("the shards collected different tests")


def test_the_reason_for_a_thousand_shards_is_short() -> None:
    """It names the first shards of each kind and counts the others."""
    records = {shard: of(ALL if shard % 2 else ("x",), ()) for shard in range(1, 1001)}
    reason = doubt(1000, records) or ""
    assert "shard 1/1000, 3/1000, 5/1000, 7/1000, 9/1000 and 495 more 3 tests" in reason
    assert len(reason) < 400


@given(ids=st.lists(st.text(), max_size=30, unique=True), total=st.integers(2, 5), data=st.data())
def test_a_test_that_no_shard_runs_is_always_found(ids: list[str], total: int, data: st.DataObject) -> None:
    """Any division in any order is accepted, unless a test is missing."""
    owner = {one: data.draw(st.integers(1, total)) for one in ids}
    parts = {shard: [one for one in ids if owner[one] == shard] for shard in range(1, total + 1)}
    order = data.draw(st.permutations(ids))
    assert doubt(total, {shard: of(tuple(order), tuple(part)) for shard, part in parts.items()}) is None
    if ids:
        lost = {shard: of(tuple(ids), tuple(part[1:] if ids[0] in part else part)) for shard, part in parts.items()}
        lost[owner[ids[0]]] = of(tuple(ids), tuple(one for one in parts[owner[ids[0]]] if one != ids[0]))
        assert doubt(total, lost) is not None


def test_a_run_whose_shards_differ_is_errored_and_a_failed_one_says_so_too() -> None:
    """A failure outweighs the doubt, which stays in the detail."""
    one, other = of(ALL, ("a",)), of(("x",), ("x",))
    green = [ShardVerdict(1, Verdict("passed"), one), ShardVerdict(2, Verdict("passed"), other)]
    verdict = of_run(2, green, ran=2)
    assert verdict is not None
    assert verdict.status == "errored"
    assert (verdict.detail or "").startswith("the shards collected different tests")
    red = [ShardVerdict(1, Verdict("failed", "why"), one), green[1]]
    assert of_run(2, red, ran=2) == Verdict("failed", f"shard 1/2: why; {verdict.detail}")
    bare = [ShardVerdict(1, Verdict("failed"), one), green[1]]
    assert of_run(2, bare, ran=2) == Verdict("failed", verdict.detail)
