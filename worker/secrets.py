"""A suite's secret in AWS Secrets Manager. The only module of the worker that imports its SDK."""

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from worker import variable
from worker.errors import SecretsOutOfReach, SecretUnusable

_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""The SDK's standard mode owns the retries. Redelivery follows when it gives up."""

_PERMANENT = (
    *("AccessDenied", "DecryptionFailure", "InvalidParameter", "InvalidRequest", "ResourceNotFound"),
    "ValidationException",
)


class Secrets:
    """Secrets Manager. It is called only for suites that name a secret. `region` is as in `Queue`."""

    def __init__(self, *, region: str | None) -> None:
        self._region = region

    def environment(self, secret_id: str) -> dict[str, str]:
        """Return the variables that the secret holds. Blocks. No error contains a value.

        Raises:
            SecretsOutOfReach: Secrets Manager did not answer. A later call may succeed.
            SecretUnusable: the secret does not exist, the worker may not read it, or it is no flat JSON object.
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
    """Return the variables in a secret's JSON. Numbers and booleans become their JSON text.

    Raises:
        SecretUnusable: the text is no flat JSON object. The error names the key, never the value.
    """
    try:
        content = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        # The decoder's error contains the whole document, so it must not become the cause.
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
