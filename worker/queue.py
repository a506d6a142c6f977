"""The SQS queue and its dead-letter queue. The only module of the worker that imports the SQS SDK."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runtime.text import one_line
from worker.errors import QueueOutOfReach, QueueRefused, WorkerError

QUEUE = "WORKER_QUEUE_URL"
DEAD_LETTER_QUEUE = "WORKER_DEAD_LETTER_QUEUE_URL"

MAX_POLL = 20
"""Maximum seconds that one ReceiveMessage waits."""

MAX_DETAIL = 4096
"""Maximum bytes of `detail`. SQS counts the attributes towards the size of a message."""

_CALL = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
_POLL = Config(connect_timeout=3, read_timeout=MAX_POLL + 10, retries={"mode": "standard", "total_max_attempts": 3})
"""The SDK's standard mode owns the retries. Redelivery follows when it gives up.

Any call except a receive takes at most about 30 s with all retries. The pod's grace period includes this time."""

_REFUSALS = (
    *("AccessDenied", "InvalidAddress"),
    *("InvalidMessageContents", "InvalidParameterValue", "InvalidParameterCombination", "MessageNotInflight"),
    *("MissingParameter", "ReceiptHandleIsInvalid", "UnsupportedOperation"),
)

_NOT_OUR_ROLE = ("AccessDenied", "InvalidIdentityToken", "ValidationError")
"""Error codes of STS if the role does not trust the token, or the identity provider rejects its audience."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS does not allow in a string (API reference, SendMessage)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A received message, hidden from others until its visibility timeout ends."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    """SQS's approximate count, from 1."""


class Queue:
    """One queue and its dead-letter queue. Every method blocks and raises QueueOutOfReach or QueueRefused.

    `region` is AWS_REGION, or None for the region of the SDK's own chain. The constructor makes no network call. It
    raises QueueRefused if the SDK rejects the AWS settings of the environment.
    """

    def __init__(self, url: str, dead_letter_url: str, *, visibility_timeout: int, region: str | None) -> None:
        self._url = url
        self._dead_letter_url = dead_letter_url
        self._visibility_timeout = visibility_timeout
        try:
            session = boto3.Session(region_name=region)
            if not session.region_name:
                raise QueueRefused("AWS_REGION: is required")
            self._sqs: Any = session.client("sqs", config=_CALL)
            self._poll: Any = session.client("sqs", config=_POLL)
        except BotoCoreError as error:  # also a wrong region, which is a ValueError, too
            raise QueueRefused(one_line(f"AWS_*: {error}")) from error
        except ValueError as error:
            raise QueueRefused("AWS_ENDPOINT_URL: must be an http:// or https:// URL") from error

    def receive(self, wait: int) -> Message | None:
        """Wait up to `wait` seconds (at most `MAX_POLL`) for a message, and return it or None."""
        with _translated(QUEUE):
            answer = self._poll.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait,
                VisibilityTimeout=self._visibility_timeout,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        for message in answer.get("Messages", []):
            return Message(
                message_id=message["MessageId"],
                body=message["Body"],
                receipt_handle=message["ReceiptHandle"],
                receive_count=max(1, int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))),
            )
        return None

    def extend(self, message: Message) -> None:
        """Hide the message for another visibility timeout from now."""
        self._hide(message, self._visibility_timeout)

    def release(self, message: Message, delay: int) -> None:
        """Make the message visible to others after `delay` seconds."""
        self._hide(message, delay)

    def delete(self, message: Message) -> None:
        """Delete the message from the queue."""
        with _translated(QUEUE):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def dead_letter(self, message: Message, *, reason: str, detail: str) -> None:
        """Send the unchanged body to the dead-letter queue, with the attributes `reason`, `detail` and `messageId`."""
        attributes = {"reason": reason, "detail": detail, "messageId": message.message_id}
        with _translated(DEAD_LETTER_QUEUE):
            self._sqs.send_message(
                QueueUrl=self._dead_letter_url,
                MessageBody=message.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": attribute_text(text)}
                    for name, text in attributes.items()
                },
            )

    def _hide(self, message: Message, seconds: int) -> None:
        with _translated(QUEUE):
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=seconds
            )


def attribute_text(text: str) -> str:
    """Return the text as a valid attribute: not empty, only allowed characters, at most `MAX_DETAIL` bytes."""
    allowed = _FORBIDDEN.sub("\ufffd", text)
    return allowed.encode()[:MAX_DETAIL].decode(errors="ignore") or "-"


@contextmanager
def _translated(setting: str) -> Iterator[None]:
    """Translate errors of the SDK, and prefix them with the name of the setting that holds the URL."""
    try:
        yield
    except ClientError as error:
        raise _meaning(setting, error) from error
    except BotoCoreError as error:
        raise QueueOutOfReach(one_line(f"{setting}: {error}")) from error


def _meaning(setting: str, error: ClientError) -> WorkerError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
        return QueueRefused(f"{setting}: there is no such queue")
    if error.operation_name == "AssumeRoleWithWebIdentity" and code.startswith(_NOT_OUR_ROLE):
        return QueueRefused(one_line(f"AWS_ROLE_ARN: must be a role that this pod's token may take: {error}"))
    kind = QueueRefused if code.startswith(_REFUSALS) else QueueOutOfReach
    return kind(one_line(f"{setting}: {error}"))
