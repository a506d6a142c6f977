"""Checks whether the shards of a run together ran the tests that each of them collected."""

from collections.abc import Iterable, Mapping, Sequence

from handoff.records import Collection, IdSet

_NAMED = 5
"""Maximum number of shards in one list of a message; a run may have a thousand."""
_DIGEST = 8
_MODULUS = 2**256


def doubt(expected: int, collections: Mapping[int, Collection | None]) -> str | None:
    """Return why the shards together did not run the collected tests, or None if they did or it is unknown.

    `collections` maps the 1-based index of each complete shard of `expected` to its record, or to None without one.
    """
    known = {shard: one for shard, one in collections.items() if one is not None}
    kinds: dict[tuple[int, str], list[int]] = {}
    for shard, one in sorted(known.items()):
        kinds.setdefault((one.collected.count, one.collected.digest), []).append(shard)
    if len(kinds) > 1:
        listed = "; ".join(_kind(tests, shards, expected) for tests, shards in kinds.items())
        return f"the shards collected different tests (log/collected.txt lists them): {listed}"
    if len(known) < expected or not known:
        return None
    collected = next(iter(known.values())).collected
    selected = [one.selected for one in known.values()]
    if _sum(selected) == (collected.count, collected.digest):
        return None
    total = sum(tests.count for tests in selected)
    each = ", ".join(f"{shard}/{expected}: {one.selected.count}" for shard, one in sorted(known.items())[:_NAMED])
    more = f", {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return (
        f"the shards together selected {total} tests, and not each of the {collected.count} collected ones once "
        f"({each}{more})"
    )


def _kind(tests: tuple[int, str], shards: Sequence[int], expected: int) -> str:
    named = ", ".join(f"{shard}/{expected}" for shard in shards[:_NAMED])
    more = f" and {len(shards) - _NAMED} more" if len(shards) > _NAMED else ""
    return f"shard {named}{more} {tests[0]} tests ({tests[1][:_DIGEST]})"


def _sum(parts: Iterable[IdSet]) -> tuple[int, str]:
    count = digest = 0
    for part in parts:
        count += part.count
        digest += int(part.digest, 16)
    return count, f"{digest % _MODULUS:064x}"
