"""EventBridge and Secrets Manager: the only module of this folder that imports their SDK."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.notices.decision import Accepted, Failed, Outcome

_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1})  # the outbox owns the retries


class Unusable(Exception):
    """A secret cannot be read. The text is one line without a value."""


def put_event(entry: Mapping[str, Any]) -> Outcome:
    """Send one entry to its bus. PutEvents may answer 200 and still refuse the entry."""
    try:
        answer = _client("events").put_events(Entries=[entry])
    except (ClientError, BotoCoreError) as error:
        return Failed(one_line(error)[:300])
    refused = answer["Entries"][0].get("ErrorCode") if answer.get("FailedEntryCount") else None
    return Failed(f"EventBridge refused the entry: {refused}") if refused else Accepted()


def secret(reference: str) -> str:
    """Return the value of a secret `ID`, or of a key of its JSON object, `ID#KEY`.

    Raises:
        Unusable: the secret or the key does not exist, may not be read, or is no text.
    """
    secret_id, _, key = reference.partition("#")
    try:
        text = _client("secretsmanager").get_secret_value(SecretId=secret_id).get("SecretString")
    except ClientError as error:
        raise Unusable(f"secret {secret_id}: {error.response.get('Error', {}).get('Code', '')}") from error
    except BotoCoreError as error:
        raise Unusable(f"secret {secret_id}: {one_line(error)[:300]}") from error
    if not key:
        value = text
    else:
        try:
            content = json.loads(text or "")
        except ValueError:
            content = None  # the error would contain the secret
        value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, str) or not value:
        raise Unusable(f"secret {reference}: must be a text" if not key else f"secret {secret_id}: has no text {key!r}")
    return value


def _client(service: str) -> Any:
    return boto3.Session(region_name=aws_region()).client(service, config=_CONFIG)
