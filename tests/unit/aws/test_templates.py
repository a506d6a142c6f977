"""The templates together: exports, imports and optional resources."""

import pytest

from tests.support.aws.resolve import Unresolved
from tests.support.aws.stacks import deploy, stack_name
from tests.support.aws.template import FOLDER, NAMES, load

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"


def test_every_template_of_the_folder_is_tested() -> None:
    """A new template must be added to these tests."""
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(NAMES)


def test_no_template_and_no_file_disables_a_rule_of_the_linter() -> None:
    """`make lint` runs cfn-lint: no comment, metadata or settings file may disable a rule."""
    assert not [name for name in NAMES if "cfn-lint" in (FOLDER / f"{name}.yaml").read_text().lower()]
    assert not [*FOLDER.parents[1].glob(".cfnlintrc*"), *FOLDER.glob(".cfnlintrc*")]


def test_all_stacks_deploy_in_order_with_the_required_parameters_alone() -> None:
    """An earlier stack exports every import, and every reference has a target."""
    assert list(deploy()) == list(NAMES)


def test_all_stacks_deploy_with_all_optional_resources() -> None:
    """The options are proxy, own keys, queues of runners, pipeline, operators and node group."""
    made = deploy(
        queue={"KmsKeyArn": KEY},
        storage={"KmsKeyArn": KEY},
        registry={"KmsKeyArn": KEY},
        database={"KmsKeyArn": KEY, "Proxy": "true"},
        identity={
            "KmsKeyArn": KEY,
            "OidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/AB",
            "RunnerQueues": "true",
            "OperatorArns": "arn:aws:iam::123456789012:role/dev,arn:aws:iam::123456789012:role/ops",
            "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
            "PodIdentityCluster": "qa",
            "CreateGrafanaRole": "true",
        },
        schedule={"KmsKeyArn": KEY, "PipelineName": "shop"},
        alarms={"KmsKeyArn": KEY, "OnCallEmail": "oncall@example.com", "RunnerQueues": "true"},
        chaos={"NodegroupArn": "arn:aws:eks:eu-central-1:123456789012:nodegroup/qa/jobs/0a1b"},
    )
    for name, stack in made.items():
        conditional = {key for key, value in load(name)["Resources"].items() if value.get("Condition")}
        assert conditional - set(stack.resources) <= {"OidcProvider"}


def test_a_missing_stack_is_reported_by_the_name_of_its_export() -> None:
    """A wrong QueueStack is an error."""
    with pytest.raises(Unresolved, match="no export is named testfleet-typo-QueueArn"):
        deploy(schedule={"QueueStack": "testfleet-typo"})


def test_the_default_names_of_other_stacks_are_those_of_the_runbook() -> None:
    """The default of each `…Stack` parameter is the stack name in the runbook."""
    for name in NAMES:
        for key, rule in load(name).get("Parameters", {}).items():
            if key.endswith("Stack"):
                forerunner = {"AlarmStack": "alarms"}.get(key, key.removesuffix("Stack").lower())
                assert rule["Default"] == stack_name(forerunner)
                assert NAMES.index(forerunner) < NAMES.index(name)
