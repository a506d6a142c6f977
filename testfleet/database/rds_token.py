"""Signs a password for RDS. See "IAM database authentication" in the RDS guide."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore import exceptions

from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.errors import BadSetting, Unavailable

_SETTING = "TESTFLEET_DATABASE_AUTH"
_PORT = 5432


def sign(parameters: Mapping[str, Any]) -> str:
    """Return a password that is valid for 15 minutes. `parameters` are those of the database's URL.

    The password is signed locally. Only the credentials may come from a server.

    Raises:
        Unavailable: the source of the AWS credentials does not answer.
        BadSetting: the URL names no host or user, or the region or the credentials are missing.
    """
    if not parameters.get("host") or not parameters.get("user"):
        raise BadSetting(f"TESTFLEET_DATABASE_URL: must name host and user if {_SETTING} is iam")
    try:
        token: str = (
            boto3.Session()
            .client("rds", region_name=aws_region())
            .generate_db_auth_token(
                DBHostname=parameters["host"], Port=int(parameters.get("port", _PORT)), DBUsername=parameters["user"]
            )
        )
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable(f"{_SETTING}: no RDS token could be signed: {one_line(error)}") from error
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise BadSetting(f"{_SETTING}: no RDS token could be signed: {one_line(error)}") from error
    return token
