"""The six files that worker and reporter exchange over the shared volume, as frozen values.

| file | writer | content |
| --- | --- | --- |
| `mask.json` | worker | the suite's secret values |
| `job.json` | worker | the received job |
| `admission.json` | reporter | whether the suite may start |
| `outcome.json` | worker | how the suite's process ended |
| `progress.json` | reporter | the number of its steps so far |
| `receipt.json` | reporter | whether the results are durable |

Readers ignore unknown fields.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from handoff.message import JobMessage, RunId, Text

Count = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


class Record(_Frozen):
    """The content of a file on the shared volume; `version` is that of the file's format."""

    version: Literal[1] = 1


class Container(_Frozen):
    """The worker's container, as far as the platform names its parts."""

    image: Text | None = None
    """The image as its manifest names it, with its digest if that is pinned."""
    cpu_millis: Count | None = None
    """The requested CPU in thousandths of a core."""
    memory_mib: Count | None = None
    """The requested memory in MiB."""


class QuarantinedCase(_Frozen):
    """An entry of `quarantine.toml` for the job's suite: the case does not fail its run until `until`."""

    name: str
    """Exact, as `testfleet show` prints it."""
    branch: str | None = None
    """None means every branch."""
    owner: str
    until: AwareDatetime
    reason: str


class Owners(_Frozen):
    """Who is responsible for the files of the job's suite."""

    suite: str | None = None
    """Owner of the suite, as the catalog names it."""
    patterns: dict[str, str] = Field(default_factory=dict)
    """Owners by patterns relative to the suite's folder, from the catalog. The last one that matches decides."""
    codeowners: str = ""
    """Text of CODEOWNERS."""
    folder: str = "."
    """The suite's folder, relative to that of CODEOWNERS."""


class ValidJob(_Frozen):
    """A job to claim and to run."""

    version: Literal[2] = 2
    kind: Literal["valid"] = "valid"
    claim_id: Annotated[str, Field(min_length=1)]
    """Random. A claim with the same id is repeatable."""
    message_id: str
    receive_count: Position
    """How often SQS has delivered the message; approximate."""
    worker: str
    """The pod's name."""
    container: Container = Container()
    job: JobMessage
    quarantine: tuple[QuarantinedCase, ...] = ()
    """The reviewed quarantines of the suite, expired ones included: only the database's clock decides."""
    owners: Owners | None = None


class InvalidJob(_Frozen):
    """A message that can never succeed, and the run that it names.

    `reason` is a fixed snake_case word (`invalid_message`, `unknown_suite`). `detail` is one line for people.
    """

    version: Literal[2] = 2
    kind: Literal["invalid"] = "invalid"
    message_id: str
    run_id: RunId
    suite: Text | None = None
    """None if the message names no readable suite."""
    reason: str
    detail: str


ReceivedJob = Annotated[ValidJob | InvalidJob, Field(discriminator="kind")]


class JobRecord(RootModel[ReceivedJob]):
    """`job.json`: the message that the worker received."""

    FILE: ClassVar = "job.json"


class Mask(Record):
    """`mask.json`: the values of the suite's secret, which must not be stored. A suite without a secret has no file."""

    FILE: ClassVar = "mask.json"

    values: tuple[str, ...] = Field(repr=False)


class Run(Record):
    """The shard is claimed, and the suite may start. `attempt` is the fence, counted from 1."""

    decision: Literal["run"] = "run"
    attempt: Position


class AlreadyComplete(Record):
    """The shard is complete already, or its run is finished. The worker deletes the message."""

    decision: Literal["already_complete"] = "already_complete"


class Busy(Record):
    """Another pod holds a living lease of the shard."""

    decision: Literal["busy"] = "busy"
    retry_after: Position
    """Length of a lease in seconds: the base of the worker's delay."""
    same_message: bool
    """True if the holder has the same message, which SQS then delivered twice. False if the job was enqueued twice."""


class Rejected(Record):
    """The message names another suite or another total than its run, and can never succeed."""

    decision: Literal["rejected"] = "rejected"
    reason: str
    detail: str


class Unavailable(Record):
    """The database did not answer in time, and no shard was claimed."""

    decision: Literal["unavailable"] = "unavailable"
    detail: str


Decision = Annotated[Run | AlreadyComplete | Busy | Rejected | Unavailable, Field(discriminator="decision")]


class Admission(RootModel[Decision]):
    """`admission.json`: whether the suite may start."""

    FILE: ClassVar = "admission.json"


class IdSet(_Frozen):
    """A set of tests: their number, and the sum of the SHA-256 of their ids modulo 2^256 in 64 hexadecimal digits."""

    count: Annotated[int, Field(ge=0, le=10_000_000)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Collection(_Frozen):
    """The tests of the whole suite that a shard collected, and those that it selected for itself."""

    collected: IdSet
    selected: IdSet
    complete: bool = True
    """False if the tool stopped by itself before it had run all selected tests, for example at the first failure."""


VERSION = "^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$"
Version = Annotated[str, Field(pattern=VERSION)]


class FailedTests(_Frozen):
    """How the suite's tool ends when tests failed and nothing else went wrong."""

    exit_codes: tuple[int, ...] = (1,)
    one_case_each: bool = False
    """Whether each selected test becomes at least one case, so that a missing case shows an early end."""


Ending = Literal["finished", "timed_out", "interrupted", "failed_to_start", "out_of_space"]


class Outcome(Record):
    """`outcome.json`: the suite's process and all its descendants have ended, and every file is closed."""

    FILE: ClassVar = "outcome.json"

    ending: Ending
    exit_code: int | None = None
    """The exit code of the process, negative for a signal. None if no process ran."""
    detail: str | None = None
    started_at: datetime
    finished_at: datetime
    collection: Collection | None = None
    """None if the runner reports no collection, or the suite ended before it collected its tests."""
    tools: dict[str, Version] = Field(default_factory=dict)
    """Versions of the tools that ran the suite, by name, as far as the worker found them in time."""
    failed_tests: FailedTests = FailedTests()


class Progress(Record):
    """`progress.json`: the reporter advances. The worker's wait for the next file restarts with each growth."""

    FILE: ClassVar = "progress.json"

    count: Count
    """Steps so far: each uploaded part or file, each batch of cases, each check of an awaited lease."""


class Committed(Record):
    """Every row and every file of the shard is durable."""

    result: Literal["committed"] = "committed"
    status: Literal["passed", "failed", "errored"]
    cases: Count = 0
    artifacts: Count = 0


class Interrupted(Record):
    """The partial rows are durable and the lease is released. The shard waits for its next attempt."""

    result: Literal["interrupted"] = "interrupted"
    cases: Count = 0


class Superseded(Record):
    """The attempt lost its shard. The reporter may write this while the suite runs."""

    result: Literal["superseded"] = "superseded"


class Cancelled(Record):
    """The run was cancelled. The worker stops the suite, if it still runs, and deletes the message."""

    result: Literal["cancelled"] = "cancelled"


class Failed(Record):
    """The results could not be made durable. The worker releases the message."""

    result: Literal["failed"] = "failed"
    detail: str


Result = Annotated[Committed | Interrupted | Superseded | Cancelled | Failed, Field(discriminator="result")]


class Receipt(RootModel[Result]):
    """`receipt.json`: whether the results are durable."""

    FILE: ClassVar = "receipt.json"
