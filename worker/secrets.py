"""A suite's secret in AWS Secrets Manager. The only module that knows its SDK."""

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from worker import variable
from worker.errors import SecretsOutOfReach, SecretUnusable

_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""The SDK's standard mode is the one owner of retries; what it gives up is left to redelivery."""

_PERMANENT = (
    *("AccessDenied", "DecryptionFailure", "InvalidParameter", "InvalidRequest", "ResourceNotFound"),
    "ValidationException",
)


class Secrets:
    """Secrets Manager, asked only for the suites that name a secret. `region` is as `Queue` has it."""

    def __init__(self, *, region: str | None) -> None:
        self._region = region

    def environment(self, secret_id: str) -> dict[str, str]:
        """The variables that the secret holds. Blocks. No error ever tells a value.

        Raises:
            SecretsOutOfReach: it may well work later.
            SecretUnusable: there is no such secret, it is not ours to read, or it is no flat JSON object.
        """
        try:
            client: Any = boto3.Session(region_name=self._region).client("secretsmanager", config=_CONFIG)
            answer = client.get_secret_value(SecretId=secret_id)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            kind = SecretUnusable if code.startswith(_PERMANENT) else SecretsOutOfReach
            raise kind(f"secret {secret_id}: {code}") from error
        except BotoCoreError as error:
            raise SecretsOutOfReach(f"secret {secret_id}: {type(error).__name__}") from error
        return parse(secret_id, answer.get("SecretString"))


def parse(secret_id: str, text: str | None) -> dict[str, str]:
    """The variables in a secret's JSON: strings as they are, numbers and booleans as JSON writes them.

    Raises:
        SecretUnusable: it is no flat JSON object; tells the key, never the value.
    """
    try:
        content = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        # The decoder's error carries the whole document, so it must not travel on as the cause.
        raise SecretUnusable(f"secret {secret_id}: must be a JSON object") from None
    if not isinstance(content, dict):
        raise SecretUnusable(f"secret {secret_id}: must be a JSON object")
    return {_name(secret_id, name): _value(secret_id, name, value) for name, value in content.items()}


def _name(secret_id: str, name: str) -> str:
    if not variable.is_name(name):
        raise SecretUnusable(f"secret {secret_id}: {name}: {variable.ALLOWED}")
    return name


def _value(secret_id: str, name: str, value: Any) -> str:
    if not isinstance(value, str | int | float) or (isinstance(value, str) and not _fits(value)):
        raise SecretUnusable(f"secret {secret_id}: {name}: must be a string without NUL, a number or a boolean")
    return value if isinstance(value, str) else json.dumps(value)


def _fits(value: str) -> bool:
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)
