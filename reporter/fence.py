"""The fence: the attempt of a shard that this pod executes."""

from dataclasses import dataclass

from handoff.message import Shard


@dataclass(frozen=True, slots=True)
class Fence:
    """The number of an attempt at a shard, counted from 1. It guards every transaction of the attempt."""

    run_id: str
    shard: Shard
    attempt: int
