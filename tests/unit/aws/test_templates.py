"""The templates: lint, parameters, and the exports that other stacks import."""

import json
import re
from typing import Any

import pytest

from tests.support.aws.resolve import Unresolved
from tests.support.aws.stacks import REQUIRED, deploy, properties, stack_name
from tests.support.aws.template import FOLDER, NAMES, load, problems

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"

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


def test_every_template_of_the_folder_is_tested() -> None:
    """A new template must be added to these tests."""
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(NAMES)


def test_no_template_and_no_file_turns_a_rule_of_the_linter_off() -> None:
    """`make lint` runs cfn-lint: no comment, metadata or settings file may disable a rule."""
    assert not [name for name in NAMES if "cfn-lint" in (FOLDER / f"{name}.yaml").read_text().lower()]
    assert not [*FOLDER.parents[1].glob(".cfnlintrc*"), *FOLDER.glob(".cfnlintrc*")]


@pytest.mark.parametrize(("name", "key"), parameters())
def test_every_parameter_says_what_is_allowed_in_a_line_that_names_it(name: str, key: str) -> None:
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
    assert WRONG[name][key], "no wrong value of it is tried"


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


def test_all_stacks_deploy_in_order_with_nothing_but_the_required_parameters() -> None:
    """An earlier stack exports every import, and every reference has a target."""
    assert list(deploy()) == list(NAMES)


def test_all_stacks_deploy_with_everything_that_is_optional() -> None:
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


def test_the_names_of_stacks_that_others_expect_are_those_of_the_readme() -> None:
    """The default of each `…Stack` parameter is the stack name in the runbook."""
    for name in NAMES:
        for key, rule in load(name).get("Parameters", {}).items():
            if key.endswith("Stack"):
                forerunner = {"AlarmStack": "alarms"}.get(key, key.removesuffix("Stack").lower())
                assert rule["Default"] == stack_name(forerunner)
                assert NAMES.index(forerunner) < NAMES.index(name)


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


def test_data_stay_when_a_stack_is_removed() -> None:
    """Queues, buckets and images stay. The database is protected and leaves a snapshot."""
    keeping = {
        ("queue", "Queue"): "Retain",
        ("queue", "DeadLetterQueue"): "Retain",
        ("storage", "Bucket"): "Retain",
        ("registry", "AllRepository"): "Retain",
        ("database", "Database"): "Snapshot",
    }
    for (name, resource), policy in keeping.items():
        body = load(name)["Resources"][resource]
        assert body["DeletionPolicy"].removesuffix("ExceptOnCreate") == policy
        assert body["UpdateReplacePolicy"] == policy
    assert properties(deploy()["database"], "Database")["DeletionProtection"] is True


def test_a_failed_first_deploy_leaves_nothing_that_blocks_the_next() -> None:
    """With `Retain`, the name of a kept queue, bucket or repository would block the next deployment."""
    policies = {
        (name, resource): body["DeletionPolicy"]
        for name in NAMES
        for resource, body in load(name)["Resources"].items()
        if "DeletionPolicy" in body
    }
    assert policies[("queue", "Queue")] == "RetainExceptOnCreate"
    assert not [place for place, policy in policies.items() if policy == "Retain"]


def test_the_database_has_no_password_and_requires_tls() -> None:
    """The master user logs in by IAM, as the programs do, also through the proxy."""
    for changes in ({}, {"Proxy": "true"}):
        stack = deploy(database=changes)["database"]
        database = properties(stack, "Database")
        assert database["MasterUserAuthenticationType"] == "iam-db-auth"
        assert not {"MasterUserPassword", "ManageMasterUserPassword", "MasterUserSecret"} & set(database)
        assert database["EnableIAMDatabaseAuthentication"] is True  # RDS requires it for iam-db-auth
        assert database["StorageEncrypted"] is True
        assert database["PubliclyAccessible"] is False
        assert properties(stack, "ParameterGroup")["Parameters"] == {"rds.force_ssl": "1"}
        assert "password" not in properties(stack, "PlatformSecret")["SecretString"].lower()
        assert not [name for name in stack.outputs if "Secret" in name and name != "PlatformSecretName"]
    proxy = properties(stack, "DatabaseProxy")
    assert (proxy["RequireTLS"], proxy["DefaultAuthScheme"]) == (True, "IAM_AUTH")
    assert "Auth" not in proxy
    assert stack.outputs["DatabaseResourceId"] == "prx-123"
    assert stack.outputs["DatabaseEndpoint"].startswith("proxy.")


def test_the_admin_connects_to_the_instance_also_where_there_is_a_proxy() -> None:
    """The proxy's role may not log in as testfleet_admin."""
    for changes in ({}, {"Proxy": "true"}):
        outputs = deploy(database=changes)["database"].outputs
        assert outputs["InstanceEndpoint"].startswith("results.")
        assert outputs["InstanceResourceId"] == "db-ABC"


@pytest.mark.parametrize("groups", ["sg-0a1b", "sg-0a1b,sg-2c3d,sg-4e5f"])
@pytest.mark.parametrize("proxy", ["false", "true"])
def test_the_database_accepts_connections_from_the_listed_groups_alone(groups: str, proxy: str) -> None:
    """Each group may connect to the instance, and to the proxy if there is one."""
    stack = deploy(database={"ClientSecurityGroupIds": groups, "Proxy": proxy})["database"]
    opened: dict[str, set[str]] = {}
    for body in stack.resources.values():
        if body["Type"] == "AWS::EC2::SecurityGroupIngress":
            rule = body["Properties"]
            assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 5432, 5432)
            opened.setdefault(rule["GroupId"], set()).add(rule["SourceSecurityGroupId"])
        elif body["Type"] == "AWS::EC2::SecurityGroup":
            assert "SecurityGroupIngress" not in body["Properties"]
    database, through = (f"<{stack.name}/{name}SecurityGroup>" for name in ("Database", "Proxy"))
    listed = set(groups.split(","))
    with_proxy = {database: listed | {through}, through: listed}
    assert opened == (with_proxy if proxy == "true" else {database: listed})


def test_nothing_is_public_and_everything_is_encrypted() -> None:
    """AWS's keys are the default. An own key replaces them."""
    for changes, expected in (({}, "AES256"), ({"KmsKeyArn": KEY}, "aws:kms")):
        made = deploy(storage=changes, queue=changes)
        bucket = properties(made["storage"], "Bucket")
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == expected
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        for queue in ("Queue", "DeadLetterQueue"):
            found = properties(made["queue"], queue)
            assert found.get("SqsManagedSseEnabled") is (None if changes else True)
            assert found.get("KmsMasterKeyId") == changes.get("KmsKeyArn")


def test_images_are_scanned_immutable_and_limited_in_number() -> None:
    """All repositories are alike, and their lifecycle policy is valid JSON."""
    stack = deploy(registry={"KeepImages": "40"})["registry"]
    names = set()
    for resource in stack.resources:
        repository = properties(stack, resource)
        names.add(repository["RepositoryName"])
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        untagged, oldest = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert (untagged["selection"]["tagStatus"], untagged["selection"]["countNumber"]) == ("untagged", 7)
        assert oldest["selection"] == {
            "tagStatus": "tagged",  # an index and its manifests are one release, and only the index has a tag
            "tagPatternList": ["*"],
            "countType": "imageCountMoreThan",
            "countNumber": 40,
        }
    images = ("testfleet", "codebuild", "playwright", "k6", "newman", "pytest", "all")
    assert names == {f"testfleet/{image}" for image in images}
