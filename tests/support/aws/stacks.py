"""All stacks, resolved in the order in which the runbook deploys them."""

from collections.abc import Mapping
from typing import Any

from tests.support.aws.resolve import ACCOUNT, REGION, Stack, resolve
from tests.support.aws.template import NAMES, load

ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"

REQUIRED: Mapping[str, Mapping[str, str]] = {
    "queue": {},
    "storage": {"BucketName": "qa-artifacts"},
    "registry": {},
    "database": {
        "VpcId": "vpc-1",
        "SubnetIds": "subnet-1,subnet-2",
        "ClientSecurityGroupIds": "sg-cluster",
        "BaseUrl": "https://shop.example.com",
    },
    "identity": {"OidcIssuer": ISSUER},
    "schedule": {"Suite": "checkout", "TargetUrl": "https://shop.example.com"},
    "pipeline": {
        "ImageTag": "0.1.0",
        "ConnectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/0a1b-2c3d",
        "Repository": "example/shop",
        "Suite": "checkout",
        "TargetUrl": "https://shop.example.com",
        "VpcId": "vpc-1",
        "SubnetIds": "subnet-1,subnet-2",
    },
    "alarms": {"ClusterName": "qa", "MaxJobs": "20"},
    "chaos": {"ClusterName": "qa"},
}
"""The parameters that have no default."""

CREATED: Mapping[str, Mapping[str, str]] = {
    "queue": {
        "Queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/test-jobs",
        "Queue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:test-jobs",
        "Queue.QueueName": "test-jobs",
        "DeadLetterQueue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/test-jobs-dead",
        "DeadLetterQueue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:test-jobs-dead",
        "DeadLetterQueue.QueueName": "test-jobs-dead",
    },
    "storage": {"Bucket": "qa-artifacts", "Bucket.Arn": "arn:aws:s3:::qa-artifacts"},
    "database": {
        "Database.DbiResourceId": "db-ABC",
        "Database.Endpoint.Address": f"results.abc.{REGION}.rds.amazonaws.com",
        "DatabaseProxy.DBProxyArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db-proxy:prx-123",
        "DatabaseProxy.Endpoint": f"proxy.abc.{REGION}.rds.amazonaws.com",
    },
    "registry": {
        "CodebuildRepository.Arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/testfleet/codebuild",
        "CodebuildRepository.RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/testfleet/codebuild",
        "TestfleetRepository.Arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/testfleet/testfleet",
        "TestfleetRepository.RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/testfleet/testfleet",
    },
}
"""Physical ids, as AWS gives them."""


def stack_name(name: str) -> str:
    return f"testfleet-{name}"


def deploy(**changes: Mapping[str, str]) -> dict[str, Stack]:
    """Resolve every stack. Each imports the exports of earlier stacks; `changes` adds parameters by stack name.

    Raises:
        Unresolved: CloudFormation would reject one of them.
    """
    exports: dict[str, str] = {}
    made = {}
    for name in NAMES:
        made[name] = resolve(
            load(name),
            stack_name(name),
            {**REQUIRED[name], **changes.get(name, {})},
            imports=exports,
            created=CREATED.get(name),
        )
        exports |= made[name].exports
    return made


def properties(stack: Stack, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.resources[resource]["Properties"]
    return found
