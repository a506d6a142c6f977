"""Sharding: whatever the number of shards, each test is in exactly one of them."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handoff.message import Shard
from worker.runners import k6, newman
from worker.runners.inside.testfleet_suite.pytest_plugin import belongs

totals = st.integers(min_value=1, max_value=40)
items = st.lists(st.sampled_from([{"name": "Same", "item": []}, {"name": "Loose", "request": ""}]), max_size=30)


def shards(total: int) -> list[Shard]:
    return [Shard(index=index, total=total) for index in range(1, total + 1)]


@given(items=items, total=totals)
def test_newman_selects_each_item_once_and_keeps_loose_requests_together(items: list[Any], total: int) -> None:
    """Folders may share a name; requests outside any may build on one another."""
    shares = [newman.share(items, shard) for shard in shards(total)]
    assert sorted(index for share in shares for index in share) == list(range(len(items)))
    assert all(list(share) == sorted(share) for share in shares)
    loose = {index for index, item in enumerate(items) if "item" not in item}
    assert sum(1 for share in shares if loose & set(share)) <= 1


@given(folders=st.integers(min_value=0, max_value=40), total=totals)
def test_newman_divides_folders_evenly(folders: int, total: int) -> None:
    """No shard has two folders more than another."""
    sizes = [len(newman.share([{"item": []}] * folders, shard)) for shard in shards(total)]
    assert max(sizes) - min(sizes) <= 1


@given(node_id=st.text(), total=totals)
def test_pytest_keeps_each_test_in_one_shard(node_id: str, total: int) -> None:
    """The id alone decides, with any characters."""
    assert sum(belongs(node_id, index, total) for index in range(1, total + 1)) == 1


def test_pytest_selects_the_same_tests_on_every_machine() -> None:
    """Python's own hash differs between processes; a redelivered shard must get the same tests."""
    ids = [f"tests/test_cart.py::test_{number}" for number in range(8)]
    assert [next(index for index in (1, 2, 3) if belongs(one, index, 3)) for one in ids] == [3, 3, 1, 1, 2, 1, 1, 3]


@given(total=st.integers(min_value=2, max_value=1000), data=st.data())
def test_k6_segments_follow_one_another_without_a_gap(total: int, data: st.DataObject) -> None:
    """From 0 to 1, all of one length, and all in the shared sequence."""
    index = data.draw(st.integers(min_value=1, max_value=total))
    segment, sequence = k6.segment(Shard(index=index, total=total))
    start, end = segment.removeprefix("--execution-segment=").split(":")
    bounds = sequence.removeprefix("--execution-segment-sequence=").split(",")
    assert (Fraction(start), Fraction(end)) == (Fraction(index - 1, total), Fraction(index, total))
    assert [Fraction(bound) for bound in bounds] == [Fraction(part, total) for part in range(total + 1)]


def test_k6_gets_no_segment_in_a_single_shard() -> None:
    """A segment of the script itself therefore stays in force."""
    assert k6.segment(Shard(index=1, total=1)) == ()
