"""The fence: the attempt of a shard that this pod executes."""

from dataclasses import dataclass

from handoff.message import Shard


@dataclass(frozen=True, slots=True)
class Fence:
    """An attempt of this pod at a shard; `attempt` is counted from 1 and only ever grows."""

    run_id: str
    shard: Shard
    attempt: int
