"""SQS queues. The only module that imports the SDK of SQS."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from handoff.message import JobMessage
from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.errors import BadSetting, CommandError, NotSent, Refused, Unavailable

BATCH = 10
"""Maximum number of entries in one batch request of SQS."""

MAX_BODY = 256 * 1024 // BATCH
"""Maximum bytes of one message. Ten of them fit into a batch request of 256 KiB."""

DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each try of a batch. The SDK's own retries are off."""

_TRANSIENT = ("Throttl", "RequestThrottled", "ServiceUnavailable", "InternalError", "InternalFailure", "RequestTimeout")


@dataclass(frozen=True, slots=True)
class Depth:
    """SQS's approximate counts of messages, which lag by up to a minute. `retention` is in seconds."""

    waiting: int
    in_flight: int
    delayed: int
    retention: int

    @property
    def empty(self) -> bool:
        return not (self.waiting or self.in_flight or self.delayed)


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. `attributes` are the sender's; `receives` includes this receive."""

    message_id: str
    body: str
    attributes: Mapping[str, str]
    receives: int
    sent_at: datetime
    handle: str


class Queue:
    """One SQS queue. `name` is the setting that holds its URL."""

    def __init__(
        self, url: str, *, name: str = "TESTFLEET_QUEUE_URL", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url
        self._name = name
        self._sleep = sleep
        with self._translated():
            self._sqs: Any = boto3.Session().client(
                "sqs",
                region_name=aws_region(),
                config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}),
            )

    def send(self, jobs: Sequence[JobMessage]) -> None:
        """Send the jobs in batches of ten. A job that SQS refuses is sent again, in at most `len(DELAYS)` rounds.

        Raises:
            NotSent: some shards are not on the queue; the error names them.
            Refused: a message is too long.
            BadSetting: the queue does not exist, or the region or the credentials are missing.
        """
        bodies = [job.to_json() for job in jobs]
        longest = max((len(body.encode()) for body in bodies), default=0)
        if longest > MAX_BODY:
            raise Refused(f"--param: the message must be at most {MAX_BODY} bytes of JSON, but is {longest}")
        unsent = list(range(len(jobs)))
        why = ""
        for delay in DELAYS:
            self._sleep(delay)
            failed: list[int] = []
            for start in range(0, len(unsent), BATCH):
                batch = unsent[start : start + BATCH]
                try:
                    refused = self._send_batch({index: bodies[index] for index in batch})
                except Unavailable as error:
                    refused = dict.fromkeys(batch, str(error))
                failed += refused
                why = next(iter(refused.values()), why)
            unsent = failed
            if not unsent:
                return
        raise NotSent([str(jobs[index].shard) for index in unsent], why)

    def depth(self) -> Depth:
        """Return the approximate number of messages.

        Raises:
            Unavailable, BadSetting: as `send`.
        """
        counts = "ApproximateNumberOfMessages"
        names = (counts, f"{counts}NotVisible", f"{counts}Delayed", "MessageRetentionPeriod")
        with self._translated():
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names))
        return Depth(*(int(answer["Attributes"][name]) for name in names))

    def receive_all(self, *, hide: int, limit: int, seconds: float = 20) -> list[Message]:
        """Return up to `limit` messages, each once, and hide them from other receivers for `hide` seconds.

        SQS samples some of its servers for each request, so reading ends after two empty answers, or after `seconds`.

        Raises:
            Unavailable, BadSetting: as `send`.
        """
        found: dict[str, Message] = {}
        empty = 0
        deadline = time.monotonic() + seconds
        while empty < 2 and len(found) < limit and time.monotonic() < deadline:  # noqa: PLR2004  # as above
            with self._translated():
                answer = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(BATCH, limit - len(found)),
                    WaitTimeSeconds=1,
                    VisibilityTimeout=hide,
                    MessageAttributeNames=["All"],
                    MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                )
            messages = [_message(one) for one in answer.get("Messages", [])]
            empty = 0 if messages else empty + 1
            found |= {message.message_id: message for message in messages}
        return list(found.values())

    def release(self, messages: Sequence[Message]) -> list[Message]:
        """Make the messages visible to other receivers, and return those that SQS refused to release in two tries.

        A message that is not released becomes visible when its visibility timeout ends.

        Raises:
            Unavailable, BadSetting: as `send`.
        """
        hidden = list(messages)
        for delay in DELAYS[:2]:
            if hidden:
                self._sleep(delay)
            batches = [hidden[start : start + BATCH] for start in range(0, len(hidden), BATCH)]
            hidden = [message for batch in batches for message in self._release_batch(batch)]
        return hidden

    def send_body(self, body: str) -> None:
        """Send one message.

        Raises:
            Unavailable, BadSetting: as `send`.
        """
        with self._translated():
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def delete(self, message: Message) -> None:
        """Delete a received message.

        Raises:
            Unavailable, BadSetting: as `send`.
        """
        with self._translated():
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.handle)

    def _release_batch(self, messages: Sequence[Message]) -> list[Message]:
        """Release at most ten messages, and return those that SQS refused."""
        entries = [
            {"Id": str(index), "ReceiptHandle": message.handle, "VisibilityTimeout": 0}
            for index, message in enumerate(messages)
        ]
        with self._translated():
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        return [messages[int(entry["Id"])] for entry in answer.get("Failed", [])]

    def _send_batch(self, bodies: dict[int, str]) -> dict[int, str]:
        """Send at most ten bodies, and return the reasons of those that SQS refused."""
        entries = [{"Id": str(index), "MessageBody": body} for index, body in bodies.items()]
        with self._translated():
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        return {int(entry["Id"]): entry.get("Message", entry["Code"]) for entry in answer.get("Failed", [])}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except NoRegionError as error:
            raise BadSetting("AWS_REGION: is required by this command") from error
        except NoCredentialsError as error:
            raise BadSetting("AWS_PROFILE or AWS_ACCESS_KEY_ID: no AWS credentials were found") from error
        except ClientError as error:
            raise self._meaning(error) from error
        except (BotoCoreError, ValueError) as error:
            raise Unavailable(f"queue: {one_line(error)}") from error

    def _meaning(self, error: ClientError) -> CommandError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            return BadSetting(f"{self._name}: there is no such queue")
        if status >= 500 or code.startswith(_TRANSIENT):  # noqa: PLR2004  # HTTP's own classes
            return Unavailable(f"queue: {one_line(error)}")
        return BadSetting(f"{self._name}: {one_line(error)}")


def _message(raw: Mapping[str, Any]) -> Message:
    system = raw.get("Attributes", {})
    sent = int(system.get("SentTimestamp", 0)) / 1000
    return Message(
        message_id=raw["MessageId"],
        body=raw["Body"],
        attributes={
            name: str(value.get("StringValue", "")) for name, value in raw.get("MessageAttributes", {}).items()
        },
        receives=int(system.get("ApproximateReceiveCount", 1)),
        sent_at=datetime.fromtimestamp(sent, UTC),
        handle=raw["ReceiptHandle"],
    )
