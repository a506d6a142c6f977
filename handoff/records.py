"""The six files that worker and reporter exchange over the shared volume, as frozen values.

`mask.json` (worker) holds the suite's secret values, `job.json` (worker) says what is in hand, `admission.json`
(reporter) whether it may run, `outcome.json` (worker) how the suite's process ended, `progress.json` (reporter) how far
the reporter has come, `receipt.json` (reporter) that everything is durable. Readers ignore what they don't know.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from handoff.message import JobMessage, RunId, Text

Count = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


class Record(_Frozen):
    """The content of a file on the shared volume; `version` is that of the file's format."""

    version: Literal[1] = 1


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
    job: JobMessage


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
    """`mask.json`: values of the suite's secret, which must not be stored. It exists only with a secret."""

    FILE: ClassVar = "mask.json"

    values: tuple[str, ...] = Field(repr=False)


class Run(Record):
    """The shard is claimed: run the suite. `attempt` is the fence, counted from 1."""

    decision: Literal["run"] = "run"
    attempt: Position


class AlreadyComplete(Record):
    """The shard's results stand already: delete the message."""

    decision: Literal["already_complete"] = "already_complete"


class Busy(Record):
    """Another pod holds a living lease on the shard."""

    decision: Literal["busy"] = "busy"
    retry_after: Position
    """The length of a lease in seconds, the base of the worker's back-off."""
    same_message: bool
    """The holder has this very message: SQS delivered it twice. Otherwise the job was enqueued twice."""


class Rejected(Record):
    """The message contradicts its run (another suite, another total): it can never succeed."""

    decision: Literal["rejected"] = "rejected"
    reason: str
    detail: str


class Unavailable(Record):
    """The database did not answer in time; nothing was claimed."""

    decision: Literal["unavailable"] = "unavailable"
    detail: str


Decision = Annotated[Run | AlreadyComplete | Busy | Rejected | Unavailable, Field(discriminator="decision")]


class Admission(RootModel[Decision]):
    """`admission.json`: whether the suite may start."""

    FILE: ClassVar = "admission.json"


class IdSet(_Frozen):
    """A set of tests: how many, and the sum of the SHA-256 of their ids modulo 2^256, in 64 hexadecimal digits."""

    count: Annotated[int, Field(ge=0, le=10_000_000)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Collection(_Frozen):
    """The tests that a shard collected for all shards together, and those that it selected for itself."""

    collected: IdSet
    selected: IdSet


Ending = Literal["finished", "timed_out", "interrupted", "failed_to_start", "out_of_space"]


class Outcome(Record):
    """`outcome.json`: the suite's process and all its descendants have ended, and every file is closed."""

    FILE: ClassVar = "outcome.json"

    ending: Ending
    exit_code: int | None = None
    """As the kernel gave it; negative for a signal. None where no process ran."""
    detail: str | None = None
    started_at: datetime
    finished_at: datetime
    collection: Collection | None = None
    """None if the runner reports none, or the suite ended before it had collected its tests."""


class Progress(Record):
    """`progress.json`: the reporter advances. The worker's wait for the next file counts from the last growth."""

    FILE: ClassVar = "progress.json"

    count: Count
    """Steps so far: a part or file uploaded, a batch of cases read, a look at a lease that is awaited."""


class Committed(Record):
    """Every row and every file of the shard is durable."""

    result: Literal["committed"] = "committed"
    status: Literal["passed", "failed", "errored"]
    cases: Count = 0
    artifacts: Count = 0


class Interrupted(Record):
    """The partial rows are durable and the lease is given back; the shard waits for its next attempt."""

    result: Literal["interrupted"] = "interrupted"
    cases: Count = 0


class Superseded(Record):
    """The fence has moved on: another pod holds the shard. May come while the suite still runs."""

    result: Literal["superseded"] = "superseded"


class Cancelled(Record):
    """The run was cancelled: the suite stops and the message is deleted. May come while the suite still runs."""

    result: Literal["cancelled"] = "cancelled"


class Failed(Record):
    """The results could not be made durable; the message must come back."""

    result: Literal["failed"] = "failed"
    detail: str


Result = Annotated[Committed | Interrupted | Superseded | Cancelled | Failed, Field(discriminator="result")]


class Receipt(RootModel[Result]):
    """`receipt.json`: what became of the results."""

    FILE: ClassVar = "receipt.json"
