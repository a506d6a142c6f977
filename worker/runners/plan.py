"""The result of a runner: the process to start, or that the shard has no tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff.records import Collection, FailedTests

HASH_SEED = {"PYTHONHASHSEED": "0"}
"""Makes the order of a set, and test ids that derive from it, the same in every shard."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a suite's files. The folder `junit` exists before the suite starts."""

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

    `env` holds the variables that the runner adds. `after` is called once, when the process and all its descendants
    have ended. It converts the tool's own report, if the tool writes no JUnit. `collection` is the record of collected
    tests, if the runner computes it. Otherwise the suite's process may write it to `Folders.collection_file`.
    `failed_tests` describes the tool's end when tests failed: a quarantine covers no other end.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], None] | None = None
    collection: Collection | None = None
    failed_tests: FailedTests = FailedTests()  # noqa: RUF009  # frozen


@dataclass(frozen=True, slots=True)
class NoTests:
    """The shard has no test of the suite. It is complete with an empty report."""

    collection: Collection | None = None
