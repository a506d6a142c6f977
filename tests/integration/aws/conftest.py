"""An AWS endpoint that creates stacks, over HTTP."""

from collections.abc import Iterator

import boto3
import pytest

from testfleet.local.processes import server
from tests.support.aws.moto import ROOT, Client
from tests.support.aws.resolve import REGION


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Return clients of a new endpoint. It is a process, because moto warns of each resource type that it lacks."""
    with server("moto", "tests.support.aws.whole_moto", env={"PYTHONPATH": str(ROOT)}) as url:
        session = boto3.session.Session(
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        yield lambda service: session.client(service, endpoint_url=url)
