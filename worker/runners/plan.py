"""What a runner answers: the process to start, or that this shard has nothing to run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff.records import Collection

HASH_SEED = {"PYTHONHASHSEED": "0"}
"""The order of a set is then the same in every shard, and so are ids of tests that are made from one."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a suite leaves its files: `junit` is the folder `artifacts/junit`, which exists before the suite starts."""

    artifacts: Path

    @property
    def junit(self) -> Path:
        return self.artifacts / "junit"

    @property
    def junit_file(self) -> Path:
        return self.junit / "junit.xml"

    @property
    def collection_file(self) -> Path:
        return self.artifacts / "log" / "collected.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """The process that runs one shard of a suite.

    `env` holds only what the runner adds; the worker lays it over the suite's own environment. `after` is called once,
    when the process and all its descendants have ended: it turns the tool's own report into JUnit, where the tool
    writes none while it runs. `collection` is the record to compare across shards, if the runner computes it;
    otherwise the suite's process may write it to `Folders.collection_file`.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], None] | None = None
    collection: Collection | None = None


@dataclass(frozen=True, slots=True)
class NoTests:
    """The shard gets no test of the suite: it is complete with an empty report."""

    collection: Collection | None = None
