"""An AWS endpoint that makes stacks, over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from testfleet.local.processes import server
from tests.unit.aws.resolve import REGION
from tests.unit.aws.stacks import REQUIRED, stack_name
from tests.unit.aws.template import FOLDER

ROOT = Path(__file__).parents[3]
Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Clients of an endpoint of this module's own: a process, because moto warns of each kind that it cannot make."""
    with server("tests.integration.aws.whole_moto", env={"PYTHONPATH": str(ROOT)}) as url:
        session = boto3.session.Session(
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        yield lambda service: session.client(service, endpoint_url=url)


def make(client: Client, name: str, **parameters: str) -> dict[str, str]:
    """Create the stack from the template as it stands in the folder; its outputs.

    moto makes queues, buckets, repositories, rules and roles. What it does not know it passes over in silence, among
    it policies of queues and buckets, a bucket's lifecycle, schedules and alarms: only the unit tests look at those.
    """
    given = {**REQUIRED[name], **parameters}
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=stack_name(name),
        TemplateBody=(FOLDER / f"{name}.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = cloudformation.describe_stacks(StackName=stack_name(name))["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
