"""The resources of the templates: data, network, encryption and retention."""

import json

import pytest

from tests.support.aws.stacks import deploy, properties
from tests.support.aws.template import NAMES, load

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"


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


def test_the_admin_connects_to_the_instance_even_with_a_proxy() -> None:
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


def test_a_higher_postgres_version_upgrades_the_instance() -> None:
    """RDS rejects another major version without this property."""
    assert properties(deploy()["database"], "Database")["AllowMajorVersionUpgrade"] is True


def test_old_files_and_unfinished_uploads_are_removed_from_the_bucket() -> None:
    """Each expired file leaves a delete marker, which a rule of its own removes."""
    bucket = properties(deploy(storage={"RetentionDays": "30"})["storage"], "Bucket")
    old, markers, unfinished = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in (old, markers, unfinished)} == {"Enabled"}
    assert old["ExpirationInDays"] == "30"
    assert markers["ExpiredObjectDeleteMarker"] is True
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_an_overwritten_file_stays_readable_for_a_while() -> None:
    """The reporter's role cannot delete versions."""
    bucket = properties(deploy(storage={"NoncurrentDays": "7"})["storage"], "Bucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    old, *_ = bucket["LifecycleConfiguration"]["Rules"]
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": "7"}
