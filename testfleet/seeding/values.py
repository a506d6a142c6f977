"""The values of a generated history: what was tested, and the rows that a fleet would have stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Status = Literal["passed", "failed", "errored", "skipped"]
RunStatus = Literal["passed", "failed", "errored", "cancelled"]
ToolName = Literal["playwright", "pytest", "newman", "k6", "command"]

BAD = ("failed", "errored")


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """A case of a suite. It exists in the commits of the default branch from index `since` until before `until`."""

    name: str
    file: str
    median_ms: float
    spread: float
    """Sigma of the log-normal duration."""
    shard: int
    skipped: bool = False
    since: int = 0
    until: int | None = None

    def exists_in(self, index: int) -> bool:
        """Return whether a commit with this index of the default branch has the case."""
        return self.since <= index and (self.until is None or index < self.until)


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite. `retries` is how often its tool repeats a failed case within a run."""

    name: str
    tool: ToolName
    version: str
    shards: int
    retries: int
    cases: tuple[CaseSpec, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the default branch, or one push of a pull request's branch."""

    sha: str
    parent: str | None
    author: str
    at: datetime
    branch: str
    index: int
    """Its position on the default branch; for a pull request, that of the commit from which the branch was cut."""
    pull_request: int | None = None
    push: int = 0
    """The 1-based number of the push to the pull request; 0 on the default branch."""
    last_push: bool = False
    merged_as: int | None = None
    """The index of the commit on the default branch that merges the pull request, or None if it was closed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as the reporter stores it. Failures of one cause share the fingerprint."""

    status: Status
    error_type: str
    message: str
    error: str
    location: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a case. `failure` is None if it passed."""

    duration_ms: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The result of a case. `tries` is empty for a skipped case. `because` names the labels behind failures."""

    spec: CaseSpec
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tries: tuple[Try, ...] = ()
    because: tuple[str, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """The failure of the last try, or None."""
        return self.tries[-1].failure if self.tries else None

    @property
    def status(self) -> Status:
        """The status of the case's row."""
        if not self.tries:
            return "skipped"
        return self.failure.status if self.failure else "passed"

    @property
    def flaky(self) -> bool:
        """Whether the case passed after it had failed within the run."""
        return self.status == "passed" and len(self.tries) > 1


@dataclass(frozen=True, slots=True)
class Shard:
    """A complete shard. `attempt` above 1 means that pods died before."""

    index: int
    attempt: int
    status: RunStatus
    outcome: Literal["finished", "timed_out", "failed_to_start"]
    exit_code: int | None
    detail: str | None
    worker: str
    started_at: datetime
    finished_at: datetime
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended."""

    run_id: str
    suite: Suite
    commit: Commit
    trigger: str
    environment: str
    queued_at: datetime
    status: RunStatus
    detail: str | None
    shards: tuple[Shard, ...]
    repeats: str | None = None
    """The id of the run that this one repeats on the same commit."""

    @property
    def started_at(self) -> datetime:
        """The start of the first shard."""
        return min(shard.started_at for shard in self.shards)

    @property
    def finished_at(self) -> datetime:
        """The end of the last shard."""
        return max(shard.finished_at for shard in self.shards)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases of all shards."""
        return tuple(case for shard in self.shards for case in shard.cases)


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a history."""

    days: int
    suites: int
    runs_per_day: int


@dataclass(frozen=True, slots=True)
class Event:
    """A commit that is tested at a time: a push, or the nightly schedule."""

    at: datetime
    commit: Commit
    trigger: str
    suites: tuple[int, ...] = field(default=())
