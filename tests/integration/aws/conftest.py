"""An AWS endpoint that makes stacks, over HTTP."""

from collections.abc import Iterator

import boto3
import pytest

from testfleet.local.processes import server
from tests.support.aws.moto import ROOT, Client
from tests.support.aws.resolve import REGION


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Clients of an endpoint of this module's own: a process, because moto warns of each kind that it cannot make."""
    with server("moto", "tests.support.aws.whole_moto", env={"PYTHONPATH": str(ROOT)}) as url:
        session = boto3.session.Session(
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        yield lambda service: session.client(service, endpoint_url=url)
