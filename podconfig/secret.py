"""The platform's secret in AWS Secrets Manager. The only module of this program that imports the SDK."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runtime.errors import InvalidInput
from runtime.text import one_line

_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
_SERVER_ERROR = 500
_PASSING = {"ExpiredToken", "RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "Throttling", "ThrottlingException"}


class SecretOutOfReach(Exception):
    """Secrets Manager did not answer, not even after the SDK's retries."""


def read(secret_id: str) -> str:
    """Return the text of the secret.

    Raises:
        InvalidInput: the secret does not exist, or this role must not read it. The error names the setting.
        SecretOutOfReach: a later call may succeed.
    """
    try:
        # boto3 itself reads AWS_DEFAULT_REGION only.
        client: Any = boto3.Session(region_name=os.environ.get("AWS_REGION")).client("secretsmanager", config=_CONFIG)
        answer = client.get_secret_value(SecretId=secret_id)
    except ClientError as error:
        if _is_passing(error):
            raise SecretOutOfReach(f"Secrets Manager is out of reach: {one_line(error)}") from error
        if error.operation_name == "AssumeRoleWithWebIdentity":  # STS refused before Secrets Manager got the request
            allowed = f"must be a role that this pod's token may take: {one_line(error)}"
            raise InvalidInput("AWS_ROLE_ARN", allowed) from error
        allowed = f"must be a secret that this role may read: {secret_id} ({one_line(error)})"
        raise InvalidInput("CONFIG_SECRET", allowed) from error
    except BotoCoreError as error:
        raise SecretOutOfReach(f"Secrets Manager is out of reach: {one_line(error)}") from error
    except ValueError as error:
        raise InvalidInput("AWS_ENDPOINT_URL", "must be an http:// or https:// URL") from error
    text: str | None = answer.get("SecretString")
    if text is None:
        raise InvalidInput("CONFIG_SECRET", f"must be a text and not binary: {secret_id}")
    return text


def _is_passing(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR or error.response.get("Error", {}).get("Code") in _PASSING
