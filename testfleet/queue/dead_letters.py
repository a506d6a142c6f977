"""Dead messages: their reasons, the state of their runs in the database, and sending them back."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from handoff.message import InvalidMessage, ParsedMessage
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.output.blocks import TONES, Line, Table, clean, first_line
from testfleet.output.streams import to_stderr
from testfleet.queue.sqs import Message, Queue

HIDE_SECONDS = 60
"""Time for which SQS hides a message that a command reads. The command releases it before that."""

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
    """A dead message with the state of its run and shard; None if the database has no row."""

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
    def run_is_finished(self) -> bool:
        """Whether the run has a verdict or is cancelled. A worker would delete the message without running it."""
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
    attributes = message.attributes  # EventBridge names the reason and the detail differently
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
    """Return the id of the message on its first queue. It is the run id if the body has none."""
    return message.attributes.get("messageId", message.message_id)


def redriven_body(message: Message) -> str:
    """Return the body to send back. A body without a run id gets the one that its first delivery had."""
    try:
        fields = json.loads(message.body)
    except (ValueError, RecursionError):
        return message.body
    if not isinstance(fields, dict) or fields.get("runId") is not None:
        return message.body
    return json.dumps(fields | {"runId": _origin(message)})


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages that a command applies to: one by its id, those of a run, or all."""

    message_id: str | None = None
    run_id: str | None = None
    all: bool = False

    def __post_init__(self) -> None:
        if (self.message_id is not None) + (self.run_id is not None) + self.all != 1:
            raise Refused("MESSAGE_ID: give exactly one of MESSAGE_ID, --run and --all")

    def contains(self, letter: DeadLetter) -> bool:
        """Return whether a command applies to the message."""
        if self.message_id is not None:
            return letter.message_id == self.message_id
        return self.all or letter.run_id == self.run_id

    @property
    def option(self) -> str:
        """The option or argument that was given."""
        return "--all" if self.all else "--run" if self.run_id is not None else "MESSAGE_ID"

    @property
    def nothing_found(self) -> str:
        """The line for a queue without a selected message."""
        name = self.message_id or (f"of run {self.run_id}" if self.run_id is not None else "")
        return f"{self.option}: no message {name}".rstrip() + " in the dead-letter queue"


class DeadLetters:
    """The dead-letter queue. On exit, the messages that were read and not deleted become visible again."""

    def __init__(self, queue: Queue, database: Database | None) -> None:
        self._queue = queue
        self._database = database
        self._held: dict[str, Message] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def read(self, limit: int = MAX_READ) -> list[DeadLetter]:
        """Receive and describe up to `limit` messages.

        Raises:
            Unavailable, BadSetting: as `Queue.send` and `Database.connect`.
        """
        self._held = {one.message_id: one for one in self._queue.receive_all(hide=HIDE_SECONDS, limit=limit)}
        return describe(list(self._held.values()), self._database)

    def find(self, selection: Selection) -> list[DeadLetter]:
        """Read the queue and return the selected messages. With `--all`, an empty queue is no error.

        Raises:
            Refused: no selected message is visible; the error has the number of hidden messages.
            Unavailable, BadSetting: as `read`.
        """
        found = [one for one in self.read() if selection.contains(one)]
        if found:
            return found
        self._release()
        hidden = self._queue.depth().in_flight
        line = selection.nothing_found
        if hidden:
            line += f"; about {hidden} hidden now, each for at most {HIDE_SECONDS} s after a command has read it"
        if not selection.all:
            raise Refused(line)
        to_stderr(f"testfleet: {line}")
        return []

    def redrive(self, letter: DeadLetter, target: Queue) -> None:
        """Send the message to the target, then delete it. A failure in between leaves it on both queues.

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

    def _release(self) -> None:
        held, self._held = list(self._held.values()), {}
        if hidden := self._queue.release(held):
            ids = ", ".join(message.message_id for message in hidden)
            to_stderr(f"testfleet: SQS did not release {ids}: hidden for at most {HIDE_SECONDS} s")


def table(letters: Sequence[DeadLetter]) -> Table:
    """Return one row for each message."""
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
    """Return one line for each field, and the unchanged body at the end."""
    facts = asdict(letter)
    body = facts.pop("body")
    shown = [Line(f"{name}: {clean(_text(value))}") for name, value in facts.items()]
    return [*shown, Line("body:"), *(Line(clean(line), indent=1) for line in body.splitlines())]


def _text(value: object) -> str:
    return "-" if value is None else str(value)
