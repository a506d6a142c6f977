"""The secrets adapter against a real endpoint (moto's server)."""

import json
import socket
import uuid
from typing import Any

import pytest

from worker.errors import SecretsOutOfReach, SecretUnusable
from worker.secrets import Secrets

REGION = "eu-central-1"


@pytest.fixture
def name(aws: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    for variable, value in aws.env.items():
        monkeypatch.setenv(variable, value)
    return f"testfleet/{uuid.uuid4().hex}"


def test_a_secret_becomes_variables(aws: Any, name: str) -> None:
    """One JSON object, one variable for each key."""
    aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"USER": "me", "PORT": 80}))
    assert Secrets(region=REGION).environment(name) == {"USER": "me", "PORT": "80"}


def test_a_binary_secret_is_no_environment(aws: Any, name: str) -> None:
    """It has no keys."""
    aws.client("secretsmanager").create_secret(Name=name, SecretBinary=b"hunter2")
    with pytest.raises(SecretUnusable, match="must be a JSON object"):
        Secrets(region=REGION).environment(name)


def test_a_missing_secret_is_unusable(name: str) -> None:
    """No redelivery can succeed."""
    with pytest.raises(SecretUnusable, match=f"^secret {name}: ResourceNotFoundException$"):
        Secrets(region=REGION).environment(name)


def test_a_deleted_secret_is_unusable(aws: Any, name: str) -> None:
    """It cannot be read although Secrets Manager keeps it for some days."""
    client = aws.client("secretsmanager")
    client.create_secret(Name=name, SecretString="{}")
    client.delete_secret(SecretId=name)
    with pytest.raises(SecretUnusable, match=f"^secret {name}: InvalidRequestException$"):
        Secrets(region=REGION).environment(name)


def test_an_endpoint_that_refuses_connections_is_out_of_reach(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error follows the SDK's own retries. The message becomes visible again."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound and not listening: it refuses every connection
        host, port = silent.getsockname()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        with pytest.raises(SecretsOutOfReach, match=f"^secret {name}: EndpointConnectionError$"):
            Secrets(region=REGION).environment(name)
