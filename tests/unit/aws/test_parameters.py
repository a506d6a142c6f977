"""The parameters of the templates: limits, defaults and error lines."""

import re
from typing import Any

import pytest

from tests.support.aws.resolve import Unresolved
from tests.support.aws.stacks import REQUIRED, deploy
from tests.support.aws.template import FOLDER, NAMES, load, problems

WRONG: dict[str, dict[str, tuple[str, ...]]] = {
    "queue": {
        "QueueName": ("", "jobs.fifo", "x" * 76),
        "VisibilityTimeout": ("0", "43201", "two"),
        "MaxReceiveCount": ("1",),
        "RuleNamePrefix": ("",),
        "KmsKeyArn": ("alias/aws/sqs", "arn:aws:kms:eu-central-1:123456789012:alias/x"),
    },
    "storage": {
        "BucketName": ("", "Capital", "under_score", "with.dot", "x" * 64, "s3://qa"),
        "RetentionDays": ("0",),
        "NoncurrentDays": ("0",),
        "KmsKeyArn": ("x",),
    },
    "registry": {"RepositoryPrefix": ("Upper", "/x", "x/"), "KeepImages": ("1",), "KmsKeyArn": ("x",)},
    "database": {
        "ClientSecurityGroupIds": ("", "cluster", "sg-1, sg-2", "sg-1,10.0.0.0/16"),
        "DatabaseName": ("1st", "Upper", "a-b"),
        "PostgresVersion": ("9.6",),
        "InstanceClass": ("t4g.medium",),
        "AllocatedStorage": ("5",),
        "MaxAllocatedStorage": ("5",),
        "MultiAz": ("yes",),
        "BackupRetentionDays": ("0", "36"),
        "Proxy": ("yes",),
        "KmsKeyArn": ("x",),
        "BaseUrl": ("shop.example.com", 'https://x"y', "ftp://x"),
        "PlatformSecretName": ("testfleet/platform",),
    },
    "identity": {
        "QueueStack": ("",),
        "StorageStack": ("",),
        "DatabaseStack": ("",),
        "OidcIssuer": ("https://oidc.eks.eu-central-1.amazonaws.com/id/AB", ""),
        "OidcProviderArn": ("oidc.eks",),
        "Namespace": ("Test_Fleet",),
        "RunnerServiceAccount": ("*",),
        "MigrateServiceAccount": ("a:b",),
        "SweepServiceAccount": ("a:b",),
        "WorkerAudience": ("",),
        "ReporterAudience": ('a"b',),
        "ConfigAudience": ("a b",),
        "KedaNamespace": ("*",),
        "KedaServiceAccount": ("*",),
        "CreateGrafanaRole": ("yes",),
        "GrafanaNamespace": ("*",),
        "GrafanaServiceAccount": ("*",),
        "SuiteSecretPrefix": ("testfleet", "/"),
        "NoticeSecretPrefix": ("testfleet", "/"),
        "EventBusArn": ("default", "arn:aws:events:eu-central-1:123456789012:rule/x"),
        "RunnerQueues": ("yes",),
        "OperatorArns": ("me", "*"),
        "PermissionsBoundaryArn": ("x",),
        "KmsKeyArn": ("x",),
        "PodIdentityCluster": ("a/b",),
    },
    "schedule": {
        "QueueStack": ("",),
        "Suite": ("", "check out", "x" * 41),
        "TargetUrl": ("shop", "https://<x>"),
        "ScheduleExpression": ("0 2 * * *", "daily"),
        "Timezone": ("",),
        "ScheduleState": ("on",),
        "PipelineName": ("a b",),
        "StageName": ("A@B", ""),
        "RuleNamePrefix": ("x" * 16,),
        "KmsKeyArn": ("x",),
    },
    "pipeline": {
        "QueueStack": ("",),
        "DatabaseStack": ("",),
        "RegistryStack": ("",),
        "IdentityStack": ("",),
        "ImageTag": ("", "a:b"),
        "ConnectionArn": ("x",),
        "Repository": ("shop",),
        "Branch": ("a b",),
        "Suite": ("",),
        "Shards": ("0", "1001"),
        "TargetUrl": ("https://x'; rm",),
        "EnvironmentName": ("a b", "$(id)"),
        "MinCases": ("101%", "most", "7.5%"),
        "WaitMinutes": ("0",),
    },
    "alarms": {
        "RunnerQueues": ("yes",),
        "QueueStack": ("",),
        "ClusterName": ("", "a'b"),
        "Namespace": ("a'b",),
        "WorkerContainer": ("a'b",),
        "OnCallEmail": ("me",),
        "Runbook": ("a#b",),
        "MaxJobs": ("0",),
        "MaxAgeSeconds": ("1",),
        "FailurePercent": ("101",),
        "MinimumCases": ("0",),
        "MaxRetries": ("0",),
        "KmsKeyArn": ("alias/aws/sns",),
    },
    "chaos": {
        "AlarmStack": ("",),
        "ClusterName": ("",),
        "Namespace": ("*",),
        "ServiceAccount": ("",),
        "KubernetesUser": ("system:masters",),
        "PodSelector": ("", "app", "a=b, c=d"),
        "PodPercent": ("0", "101"),
        "NodegroupArn": ("jobs",),
        "NodePercent": ("0",),
    },
}
"""Values that must be rejected, for each parameter that AWS does not check itself."""


def parameters() -> list[Any]:
    return [pytest.param(name, key, id=f"{name}-{key}") for name in NAMES for key in load(name).get("Parameters", {})]


def wrong_values() -> list[Any]:
    return [
        pytest.param(name, key, value, id=f"{name}-{key}-{value[:20]}")
        for name, keys in WRONG.items()
        for key, values in keys.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "key"), parameters())
def test_every_parameter_has_limits_and_an_error_line_with_its_name(name: str, key: str) -> None:
    """AWS checks its own types, such as a VPC's id. Every other parameter has limits and a message that names them."""
    rule = load(name)["Parameters"][key]
    if rule["Type"].startswith(("AWS::", "List<AWS::")):
        return
    assert rule["ConstraintDescription"].startswith(f"{key} must ")
    assert "\n" not in rule["ConstraintDescription"]
    if rule["Type"] == "Number":
        assert rule["MinValue"] <= int(rule.get("Default", rule["MinValue"])) <= rule["MaxValue"]
    else:
        assert "AllowedValues" in rule or rule["AllowedPattern"].startswith("^")
        assert "AllowedValues" in rule or rule["AllowedPattern"].endswith("$")
    assert WRONG[name][key], f"WRONG has no value of {key}"


@pytest.mark.parametrize(("name", "key", "value"), wrong_values())
def test_a_wrong_parameter_is_rejected_by_name(name: str, key: str, value: str) -> None:
    """CloudFormation creates nothing and prints one line that names the parameter."""
    (problem,) = problems(load(name), {**REQUIRED[name], key: value})
    assert problem.startswith(f"{key} must ")


@pytest.mark.parametrize("name", NAMES)
def test_exactly_the_required_parameters_are_required(name: str) -> None:
    """CloudFormation rejects a missing one. All others have a valid default."""
    assert problems(load(name), REQUIRED[name]) == []
    for key in REQUIRED[name]:
        given = {other: value for other, value in REQUIRED[name].items() if other != key}
        assert problems(load(name), given) == [f"{key}: is required"]


def test_a_parameter_has_the_same_limits_in_each_template() -> None:
    """A value that one stack accepts is valid for the others: KMS keys, namespace, cluster, suite."""
    seen: dict[str, set[str]] = {}
    for name in NAMES:
        for key, rule in load(name).get("Parameters", {}).items():
            seen.setdefault(key, set()).add(f"{rule['Type']} {rule.get('AllowedPattern')}")
    differing = {key for key, kinds in seen.items() if len(kinds) > 1}
    assert differing == {"RuleNamePrefix", "TargetUrl"}  # shorter in a schedule's name; quoted in a shell


def test_every_parameter_is_used() -> None:
    for name in NAMES:
        text = (FOLDER / f"{name}.yaml").read_text()
        for key in load(name).get("Parameters", {}):
            assert re.search(rf"(!Ref {key}\b|\${{{key}}})", text), f"{name}: {key}"


def test_audiences_that_would_give_test_code_another_identity_are_rejected() -> None:
    """The audience of the worker's token must differ from those of reporter and config."""
    for other in ("ReporterAudience", "ConfigAudience"):
        with pytest.raises(Unresolved, match=r"WorkerAudience and .* must differ"):
            deploy(identity={"WorkerAudience": "same", other: "same"})
