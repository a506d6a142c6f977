"""Dead messages: their reasons, the state of their runs in the database, and sending them back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from handoff.message import InvalidMessage, ParsedMessage
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.output.blocks import Line, Table, clean, first_line
from testfleet.queue.sqs import Message, Queue
from testfleet.results.render import TONES

HIDE_SECONDS = 60
"""SQS hides each message that it returns. A message that a command did not release is visible again after this."""

MAX_READ = 10_000
"""Maximum number of messages that one command reads."""

RECEIVED_TOO_OFTEN = "received_too_often"
"""The reason of a message that SQS itself moved: it was received more often than the queue's redrive policy allows."""

GIVEN_UP = frozenset({RECEIVED_TOO_OFTEN, "out_of_receives"})
"""Reasons of valid messages whose attempts all ended without a result."""

_KNOWN = """
    SELECT r.run_id, r.suite, r.status AS run_status, s.shard, s.status AS shard_status, s.attempt AS attempts,
           s.exit_code
    FROM test_runs r LEFT JOIN test_shards s USING (run_id) WHERE r.run_id = ANY(%(run_ids)s)
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead message with the state of its run and shard; None where the database has no row."""

    message_id: str
    reason: str
    detail: str | None
    run_id: str | None
    suite: str | None
    shard: str | None
    receives: int
    sent_at: str
    run_status: str | None
    shard_status: str | None
    attempts: int | None
    exit_code: int | None
    body: str

    @property
    def has_verdict(self) -> bool:
        """The run is finished: the message would be deleted unread."""
        return self.run_status not in {None, "queued", "running"}


def describe(messages: Sequence[Message], database: Database | None) -> list[DeadLetter]:
    """Describe the messages in the order of their sending.

    Raises:
        Unavailable, BadSetting: as `Database.connect`.
    """
    letters = [_read(message) for message in sorted(messages, key=lambda one: one.sent_at)]
    run_ids = sorted({letter["run_id"] for letter in letters if letter["run_id"]})
    rows: list[dict[str, Any]] = []
    if database is not None and run_ids:
        with database.connect() as connection:
            rows = connection.rows(_KNOWN, {"run_ids": run_ids})
    runs = {row["run_id"]: row["run_status"] for row in rows}
    shards = {(row["run_id"], row["shard"]): row for row in rows}
    for letter in letters:
        index = int(letter["shard"].partition("/")[0]) if letter["shard"] else None
        row = shards.get((letter["run_id"], index), {})
        letter["run_status"] = runs.get(letter["run_id"])
        letter |= {name: row.get(name) for name in ("shard_status", "attempts", "exit_code")}
    return [DeadLetter(**letter) for letter in letters]


def _read(message: Message) -> dict[str, Any]:
    run_id, suite, shard = None, None, None
    attributes = message.attributes  # EventBridge has names of its own for reason and detail
    try:
        job = ParsedMessage.from_body(message.body, message_id=_origin(message)).job
        run_id, suite, shard = job.run_id, job.suite, str(job.shard)
    except InvalidMessage as error:
        run_id, suite = error.run_id, error.suite
    return {
        "message_id": message.message_id,
        "reason": attributes.get("reason") or attributes.get("ERROR_CODE") or RECEIVED_TOO_OFTEN,
        "detail": attributes.get("detail") or attributes.get("ERROR_MESSAGE"),
        "run_id": run_id,
        "suite": suite,
        "shard": shard,
        "receives": message.receives,
        "sent_at": message.sent_at.isoformat(),
        "body": message.body,
    }


def _origin(message: Message) -> str:
    """The message id on the queue that it came from; a run without `runId` is named by it."""
    return message.attributes.get("messageId", message.message_id)


def redriven_body(message: Message) -> str:
    """Return the body to send back. Where it names no run, it gets the run id that the first delivery had."""
    try:
        fields = json.loads(message.body)
    except (ValueError, RecursionError):
        return message.body
    if not isinstance(fields, dict) or fields.get("runId") is not None:
        return message.body
    return json.dumps(fields | {"runId": _origin(message)})


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages that a command applies to: one by its id, those of a run, or all. Exactly one must be given."""

    message_id: str | None = None
    run_id: str | None = None
    all: bool = False

    def __post_init__(self) -> None:
        if (self.message_id is not None) + (self.run_id is not None) + self.all != 1:
            raise Refused("MESSAGE_ID: give exactly one of MESSAGE_ID, --run and --all")

    def of(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Return the selected letters.

        Raises:
            Refused: the queue returned no message with this id or of this run.
        """
        found = [one for one in letters if self.all or self._names(one)]
        if not found and not self.all:
            what = (
                f"MESSAGE_ID: no message {self.message_id}"
                if self.message_id
                else f"--run: no message of {self.run_id}"
            )
            hidden = f"a message that another command reads is hidden for up to {HIDE_SECONDS} s"
            raise Refused(f"{what} in the dead-letter queue; {hidden}")
        return found

    def _names(self, letter: DeadLetter) -> bool:
        if self.message_id is not None:
            return letter.message_id == self.message_id
        return letter.run_id == self.run_id


class DeadLetters:
    """The dead-letter queue. On exit, messages that were not deleted become visible again."""

    def __init__(self, queue: Queue, database: Database | None) -> None:
        self._queue = queue
        self._database = database
        self._held: dict[str, Message] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.release(list(self._held.values()))

    def read(self, limit: int = MAX_READ) -> list[DeadLetter]:
        """Receive and describe up to `limit` messages.

        Raises:
            Unavailable, BadSetting: as `Queue.send` and `Database.connect`.
        """
        self._held = {one.message_id: one for one in self._queue.receive_all(hide=HIDE_SECONDS, limit=limit)}
        return describe(list(self._held.values()), self._database)

    def redrive(self, letter: DeadLetter, target: Queue) -> None:
        """Send the message to the target, then delete it here: a failure in between leaves it on both.

        Raises:
            Unavailable, BadSetting: as `Queue.send`.
        """
        target.send_body(redriven_body(self._held[letter.message_id]))
        self.drop(letter)

    def drop(self, letter: DeadLetter) -> None:
        """Delete the message.

        Raises:
            Unavailable, BadSetting: as `Queue.send`.
        """
        self._queue.delete(self._held[letter.message_id])
        del self._held[letter.message_id]


def table(letters: Sequence[DeadLetter]) -> Table:
    header = (
        "MESSAGE",
        "REASON",
        "RUN",
        "SUITE",
        "SHARD",
        "RUN STATUS",
        "ATTEMPTS",
        "EXIT",
        "RECEIVES",
        "SENT",
        "DETAIL",
    )
    return Table(
        header,
        tuple(
            (
                one.message_id,
                clean(one.reason),
                one.run_id or "-",
                clean(one.suite or "-"),
                one.shard or "-",
                one.run_status or "-",
                _text(one.attempts),
                _text(one.exit_code),
                str(one.receives),
                one.sent_at[:19].replace("T", " "),
                first_line(one.detail) or "-",
            )
            for one in letters
        ),
        tuple(TONES.get(one.run_status or "", "plain") for one in letters),
    )


def lines(letter: DeadLetter) -> list[Line]:
    """Every field on a line of its own, the body last and as it is."""
    facts = asdict(letter)
    body = facts.pop("body")
    shown = [Line(f"{name}: {clean(_text(value))}") for name, value in facts.items()]
    return [*shown, Line("body:"), *(Line(clean(line), indent=1) for line in body.splitlines())]


def _text(value: object) -> str:
    return "-" if value is None else str(value)
