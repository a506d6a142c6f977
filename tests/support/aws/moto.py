"""Stacks that moto creates from the templates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.aws.stacks import REQUIRED, stack_name
from tests.support.aws.template import FOLDER

ROOT = Path(__file__).parents[3]

Client = Callable[[str], Any]


def make(client: Client, name: str, **parameters: str) -> dict[str, str]:
    """Create the stack from the template, and return its outputs.

    moto creates queues, buckets, repositories, rules and roles. It silently ignores other resources, such as policies
    of queues and buckets, lifecycle rules, schedules and alarms. Only the unit tests check those.
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
