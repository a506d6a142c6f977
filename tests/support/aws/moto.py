"""Stacks that moto makes from the templates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.aws.stacks import REQUIRED, stack_name
from tests.support.aws.template import FOLDER

ROOT = Path(__file__).parents[3]

Client = Callable[[str], Any]


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
