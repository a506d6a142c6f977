"""Newman: a Postman collection, divided by its top-level folders."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handoff.message import JobMessage, Shard
from handoff.records import Collection, FailedTests, IdSet
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import tools
from worker.runners.inside.testfleet_suite import collection
from worker.runners.plan import Folders, NoTests, Plan

LAUNCHER = Path(__file__).parent / "inside" / "newman_run.cjs"


def plan(suite: Suite, job: JobMessage, _folders: Folders) -> Plan | NoTests:
    """Return `newman run` on the folders of this shard.

    The collection is the suite's first argument, else `collection.json`, else the only `*.postman_collection.json`.

    Raises:
        CannotPlan: Node or Newman is not installed, or the collection is missing or invalid.
    """
    file, args = _collection(suite)
    items = _items(suite, file)
    chosen = share(items, job.shard)
    divided = _divided(items, chosen) if job.shard.total > 1 else None
    if job.shard.total > 1 and not chosen:
        return NoTests(divided)
    if job.shard.total > 1 and any(arg.partition("=")[0] == "--folder" for arg in args):
        raise CannotPlan(
            f"suites.{suite.name}.args: --folder can't be combined with shards, because shards select folders"
        )
    node, script = tools.node_command("newman", suite.path)
    return Plan(
        argv=(
            node,
            str(LAUNCHER),
            script,
            "all" if job.shard.total == 1 else ",".join(map(str, chosen)),
            "run",
            str(file),
            *args,
            "--color",
            "off",
        ),
        cwd=suite.path,
        collection=divided,
        # After --bail, requests behind the first failure have not run.
        failed_tests=FailedTests(exit_codes=() if "--bail" in args else (1,)),
    )


def share(items: list[dict[str, Any]], shard: Shard) -> tuple[int, ...]:
    """Return the indexes of the top-level items that this shard runs.

    Shards receive folders in turn, in the collection's order. Requests outside of folders may depend on each other.
    They therefore stay together and count as one more folder at the position of the first of them.
    """
    groups: dict[object, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(index if "item" in item else "outside", []).append(index)
    mine = list(groups.values())[shard.index - 1 :: shard.total]
    return tuple(sorted(index for group in mine for index in group))


def _divided(items: list[dict[str, Any]], chosen: tuple[int, ...]) -> Collection:
    """Return the collected and the selected requests. The id of a request is its path of names and positions."""
    requests = [list(_requests(item, str(index))) for index, item in enumerate(items)]
    return Collection(
        collected=IdSet(**collection.tests(itertools.chain.from_iterable(requests))),
        selected=IdSet(**collection.tests(itertools.chain.from_iterable(requests[index] for index in chosen))),
    )


def _requests(item: dict[str, Any], place: str) -> Iterator[str]:
    waiting = [(item, f"{place} {item.get('name')}")]
    while waiting:
        item, path = waiting.pop()
        children = item.get("item")
        if not isinstance(children, list):
            yield path
            continue
        for index, child in enumerate(children):
            if isinstance(child, dict):
                waiting.append((child, f"{path} / {index} {child.get('name')}"))


def _collection(suite: Suite) -> tuple[Path, tuple[str, ...]]:
    if suite.args and suite.args[0].endswith(".json"):
        return suite.path / suite.args[0], suite.args[1:]
    exports = sorted(suite.path.glob("*.postman_collection.json"))
    if (usual := suite.path / "collection.json").is_file():
        return usual, suite.args
    if len(exports) == 1:
        return exports[0], suite.args
    raise CannotPlan(
        f"suites.{suite.name}.args: must begin with the collection's file (….json), or the suite's folder must hold "
        "collection.json or one *.postman_collection.json"
    )


def _items(suite: Suite, file: Path) -> list[dict[str, Any]]:
    wanted = f"suites.{suite.name}: {file.name} must be a readable Postman collection (v2) with a list `item`"
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CannotPlan(wanted) from error
    items = content.get("item") if isinstance(content, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CannotPlan(wanted)
    return items
