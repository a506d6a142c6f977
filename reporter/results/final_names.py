"""Gives the final names to cases that several shards report, when their run ends.

In an unfinished run, the first shard that reports a name keeps the plain name. In a finished run, the lowest of these
shards has it, so that the names depend only on the winning attempts.
"""

from datetime import date
from functools import cache
from typing import NamedTuple

from handoff.message import Shard
from reporter.junit.names import shard_name
from reporter.results.database import Connection

_TOTAL = "SELECT shards FROM test_runs WHERE run_id = $1"
_MARKED = """
SELECT report_name AS own, shard, name FROM test_cases WHERE run_id = $1 AND day = $2 AND report_name IS NOT NULL
"""
_PLAIN = """
SELECT name AS own, shard, name FROM test_cases
WHERE run_id = $1 AND day = $2 AND report_name IS NULL AND name = ANY ($3)
"""
_RENAME = """
WITH renamed AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[]) AS renamed (old, new, report_name)
), moved AS (
    UPDATE case_tries AS held SET name = renamed.new
    FROM renamed WHERE held.run_id = $1 AND held.day = $2 AND held.name = renamed.old
)
UPDATE test_cases AS held SET name = renamed.new, report_name = renamed.report_name
FROM renamed WHERE held.run_id = $1 AND held.day = $2 AND held.name = renamed.old
"""
_RENAME_ARTIFACTS = """
UPDATE artifacts AS held SET case_name = renamed.new FROM unnest($2::text[], $3::text[]) AS renamed (old, new)
WHERE held.run_id = $1 AND held.case_name = renamed.old
"""
_PARKED = "\x01"  # no name of a case begins with it


class _Row(NamedTuple):
    """A case whose name in the report, `own`, also occurs in another shard, or did so before."""

    own: str
    shard: int
    name: str
    """The name of its row."""


async def settle_names(connection: Connection, run_id: str, day: date) -> None:
    """Give the cases of a run their final names, within the transaction that ends the run.

    No pod may write to the run any more. If the shards share no name, this takes one lookup in an index.
    """
    marked = await _rows(connection, _MARKED, run_id, day)
    if not marked:
        return
    total: int = await connection.fetchval(_TOTAL, run_id)
    place = cache(lambda shard: Shard(index=shard, total=total))
    owned = {row.own for row in marked}
    plain: dict[str, _Row] = {}
    names: dict[_Row, str] = {}
    for row in sorted(marked | await _rows(connection, _PLAIN, run_id, day, list(owned))):
        first = plain.setdefault(row.own, row)
        names[row] = row.own if row is first else shard_name(row.own, place(row.shard))
    waiting = [row for row in names if plain[row.own] is not row]
    given: set[str] = set()
    while waiting:
        # Another case may have the name with the shard as its plain name. The shard is then appended twice.
        owned |= {row.own for row in await _rows(connection, _PLAIN, run_id, day, [names[row] for row in waiting])}
        clashing: list[_Row] = []
        for row in waiting:
            if names[row] in owned or names[row] in given:
                names[row] = shard_name(names[row], place(row.shard))
                clashing.append(row)
            else:
                given.add(names[row])
        waiting = clashing
    await _rename(connection, run_id, day, {row: name for row, name in names.items() if name != row.name})


async def _rows(connection: Connection, query: str, *values: object) -> set[_Row]:
    return {_Row(*row.values()) for row in await connection.fetch(query, *values)}


async def _rename(connection: Connection, run_id: str, day: date, names: dict[_Row, str]) -> None:
    if not names:
        return
    new = set(names.values())
    # PostgreSQL checks names row by row, so a name that is still in use gets a temporary one first.
    parked = {row: f"{_PARKED}{number}" for number, row in enumerate(row for row in names if row.name in new)}
    if parked:
        old = [row.name for row in parked]
        await connection.execute(_RENAME, run_id, day, old, list(parked.values()), [row.own for row in parked])
    old = [parked.get(row, row.name) for row in names]
    marks = [row.own if name != row.own else None for row, name in names.items()]
    await connection.execute(_RENAME, run_id, day, old, list(names.values()), marks)
    await connection.execute(_RENAME_ARTIFACTS, run_id, [row.name for row in names], list(names.values()))
