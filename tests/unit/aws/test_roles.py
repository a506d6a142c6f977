"""The roles: their trust, and exactly the calls of their programs."""

import json
from typing import Any

import pytest

from tests.support.aws.policy import Call, Grant, Policy, Request
from tests.support.aws.resolve import ACCOUNT, REGION, Stack
from tests.support.aws.roles import DEAD, EXPECTED, GRAFANA, OPERATORS, OPTIONAL, QUEUE, SECRET, USER, documents
from tests.support.aws.stacks import ISSUER, deploy, properties
from tests.support.aws.template import FOLDER

HANDLE = ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage")
"""The calls of `testfleet dlq` to a dead-letter queue."""


def trust(stack: Stack, role: str) -> dict[str, Any]:
    """Return the one statement of the role's trust policy."""
    document = properties(stack, role)["AssumeRolePolicyDocument"]
    parsed: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    (statement,) = parsed["Statement"]
    return dict(statement)


@pytest.mark.parametrize("role", EXPECTED)
def test_a_role_may_do_exactly_what_its_program_does(role: str) -> None:
    """The list is complete: no wildcard of actions, and no resource but the program's own."""
    stack = deploy(identity=OPTIONAL)["identity"]
    assert Policy.of(*documents(stack, role)).grants() == {Grant(*pair) for pair in EXPECTED[role]}


def test_each_role_has_its_list_of_calls() -> None:
    """A new role needs its list, too."""
    stack = deploy(identity=OPTIONAL | {"PodIdentityCluster": "qa"})["identity"]
    roles = {name for name, body in stack.resources.items() if body["Type"] == "AWS::IAM::Role"}
    assert roles == {*EXPECTED, "PodRole"}


@pytest.mark.parametrize(
    ("role", "service_account", "audience"),
    [
        ("WorkerRole", "testfleet:testfleet-runner", "testfleet-worker"),
        ("ReporterRole", "testfleet:testfleet-runner", "testfleet-reporter"),
        ("ConfigRole", "testfleet:testfleet-runner", "testfleet-config"),
        ("MigrateRole", "testfleet:testfleet-migrate", "sts.amazonaws.com"),
        ("SweepRole", "testfleet:testfleet-sweep", "sts.amazonaws.com"),
        ("KedaRole", "keda:keda-operator", "sts.amazonaws.com"),
        ("GrafanaRole", "grafana:grafana", "sts.amazonaws.com"),
    ],
)
def test_a_role_trusts_one_service_account_with_one_audience(role: str, service_account: str, audience: str) -> None:
    """Three roles share the pod's service account. Only the audience distinguishes them."""
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    assert trust(deploy(identity=GRAFANA | {"OidcProviderArn": provider})["identity"], role) == {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{ISSUER}:sub": f"system:serviceaccount:{service_account}", f"{ISSUER}:aud": audience}
        },
    }


def test_the_provider_accepts_every_audience_that_a_role_trusts() -> None:
    """STS rejects a token whose audience is not one of the provider's client ids."""
    stack = deploy()["identity"]
    provider = properties(stack, "OidcProvider")
    assert provider["Url"] == f"https://{ISSUER}"
    trusted = {
        trust(stack, name)["Condition"]["StringEquals"][f"{ISSUER}:aud"]
        for name, body in stack.resources.items()
        if body["Type"] == "AWS::IAM::Role"
    }
    assert trusted == set(provider["ClientIdList"])


def test_the_worker_reads_suite_secrets_and_never_the_platforms() -> None:
    """Test code may get the worker's token. The platform's secret contains the database's address."""
    policy = Policy.of(*documents(deploy()["identity"], "WorkerRole"))

    def may_read(name: str) -> bool:
        return policy.allows(Request(Call("secretsmanager:GetSecretValue", f"{SECRET}:{name}")))

    assert may_read("testfleet/checkout-AbCdEf")
    assert not may_read("testfleet-platform-AbCdEf")
    assert not may_read("rds!db-0a1b2c3d-AbCdEf")


def test_queues_of_runners_are_named_one_by_one() -> None:
    """A pattern could allow a worker to receive from a dead-letter queue."""
    stack = deploy(identity=OPERATORS | {"RunnerQueues": "true"})["identity"]
    runners = ("playwright", "k6", "newman", "pytest")
    worker = Policy.of(*documents(stack, "WorkerRole"))
    for runner in runners:
        for role, action, queue in (
            ("WorkerRole", "sqs:ReceiveMessage", f"{QUEUE}-{runner}"),
            ("WorkerRole", "sqs:SendMessage", f"{QUEUE}-{runner}-dead"),
            ("KedaRole", "sqs:GetQueueAttributes", f"{QUEUE}-{runner}"),
            ("CliRole", "sqs:SendMessage", f"{QUEUE}-{runner}"),
            ("CliRole", "sqs:GetQueueAttributes", f"{QUEUE}-{runner}"),
            ("CliRole", "sqs:GetQueueAttributes", f"{QUEUE}-{runner}-dead"),
            *(("CliRole", f"sqs:{action}", f"{QUEUE}-{runner}-dead") for action in HANDLE),
            ("SweepRole", "sqs:GetQueueAttributes", f"{QUEUE}-{runner}"),
            ("SweepRole", "sqs:ReceiveMessage", f"{QUEUE}-{runner}-dead"),
            ("SweepRole", "sqs:ChangeMessageVisibility", f"{QUEUE}-{runner}-dead"),
        ):
            assert Policy.of(*documents(stack, role)).allows(Request(Call(action, queue))), (role, action, queue)
        assert not worker.allows(Request(Call("sqs:ReceiveMessage", f"{QUEUE}-{runner}-dead")))
        assert not worker.allows(Request(Call("sqs:SendMessage", f"{QUEUE}-{runner}")))


def test_the_sweep_sends_notices_only_where_the_stack_allows_it() -> None:
    """By default, it reads no secret and sends no event."""
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus/fleet"
    secret = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:testfleet-notices/chat-AbCdEf"
    calls = (Call("events:PutEvents", bus), Call("secretsmanager:GetSecretValue", secret))
    bare = Policy.of(*documents(deploy()["identity"], "SweepRole"))
    given = {"EventBusArn": bus, "NoticeSecretPrefix": "testfleet-notices/"}
    allowed = Policy.of(*documents(deploy(identity=given)["identity"], "SweepRole"))
    for call in calls:
        assert not bare.allows(Request(call))
        assert allowed.allows(Request(call))
    assert not allowed.allows(Request(Call("events:PutEvents", f"{bus}-other")))
    assert not allowed.allows(Request(Call("secretsmanager:GetSecretValue", secret.replace("notices", "platform"))))


def test_an_own_key_is_used_through_aws_services_only() -> None:
    """No role can decrypt with it directly."""
    key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b"
    stack = deploy(identity={"KmsKeyArn": key})["identity"]
    for role, service in (("WorkerRole", "sqs"), ("WorkerRole", "secretsmanager"), ("ReporterRole", "s3")):
        policy = Policy.of(*documents(stack, role))
        call = Call("kms:Decrypt", key)
        assert policy.allows(Request(call, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}))
        assert not policy.allows(Request(call))
        assert not policy.allows(Request(call, {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}))


def test_roles_for_operators_exist_only_with_operator_arns() -> None:
    """Without OperatorArns, no principal could assume them."""
    assert not {"CliRole", "IngestRole"} & set(deploy()["identity"].resources)
    stack = deploy(identity=OPERATORS)["identity"]
    assert trust(stack, "CliRole")["Principal"] == {"AWS": ["arn:aws:iam::123456789012:role/dev"]}


def test_grafanas_role_exists_only_with_its_parameter() -> None:
    """Grafana usually logs in by password, and an unused role is a risk."""
    default = deploy()["identity"]
    assert not [name for name in (*default.resources, *default.outputs) if "Grafana" in name]
    assert "GrafanaRoleArn" in deploy(identity=GRAFANA)["identity"].outputs


def test_pod_identity_is_bound_to_cluster_namespace_and_service_account() -> None:
    """The one role of this variant has the rights of the pod's three roles, and no other pod gets it."""
    stack = deploy(identity={"PodIdentityCluster": "qa"})["identity"]
    union = EXPECTED["WorkerRole"] | EXPECTED["ReporterRole"] | EXPECTED["ConfigRole"]
    assert Policy.of(*documents(stack, "PodRole")).grants() == {Grant(*pair) for pair in union}
    assert trust(stack, "PodRole")["Condition"]["StringEquals"] == {
        "aws:SourceAccount": ACCOUNT,
        "aws:RequestTag/eks-cluster-name": "qa",
        "aws:RequestTag/kubernetes-namespace": "testfleet",
        "aws:RequestTag/kubernetes-service-account": "testfleet-runner",
    }


def test_no_role_of_the_stacks_administers_the_database() -> None:
    """Only a person needs that policy, for roles.sql and grants.sql."""
    stack = deploy(identity=OPTIONAL | {"PodIdentityCluster": "qa"}, database={"Proxy": "true"})["identity"]
    policy = Policy.of(properties(stack, "DatabaseAdminPolicy")["PolicyDocument"])
    assert policy.grants() == {Grant("rds-db:connect", f"{USER}/testfleet_admin")}
    arn = stack.outputs["DatabaseAdminPolicyArn"]
    roles = [name for name, body in stack.resources.items() if body["Type"] == "AWS::IAM::Role"]
    assert not [name for name in roles if arn in properties(stack, name)["ManagedPolicyArns"]]


def test_the_proxy_may_log_in_as_the_programs_users_only() -> None:
    """The master user is not among them."""
    policy = Policy.of(*documents(deploy(database={"Proxy": "true"})["database"], "ProxyRole"))
    users = ("reporter", "cli", "reader", "migrator")
    assert policy.grants() == {Grant("rds-db:connect", f"{USER}/testfleet_{user}") for user in users}


@pytest.mark.parametrize(
    ("name", "role", "service"),
    [
        ("database", "ProxyRole", "rds.amazonaws.com"),
        ("schedule", "SchedulerRole", "scheduler.amazonaws.com"),
        ("pipeline", "GateRole", "codebuild.amazonaws.com"),
        ("pipeline", "PipelineRole", "codepipeline.amazonaws.com"),
        ("chaos", "FisRole", "fis.amazonaws.com"),
    ],
)
def test_a_service_assumes_its_role_for_this_account_only(name: str, role: str, service: str) -> None:
    """A schedule, build or experiment of another account cannot use the role."""
    statement = trust(deploy(database={"Proxy": "true"})[name], role)
    assert statement["Principal"] == {"Service": service}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_only_actions_without_resource_types_have_a_star() -> None:
    """AWS lists these actions without resource types. All other actions name their resources."""
    made = deploy(
        database={"Proxy": "true"},
        identity=OPERATORS,
        chaos={"NodegroupArn": "arn:aws:eks:eu-central-1:123456789012:nodegroup/qa/jobs/0a1b"},
    )
    starred = {
        grant.action
        for stack in made.values()
        for name, body in stack.resources.items()
        if body["Type"] == "AWS::IAM::Role"
        for grant in Policy.of(*documents(stack, name, made["identity"])).grants()
        if grant.resource == "*"
    }
    assert starred == {
        *("ec2:DescribeDhcpOptions", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"),
        *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
        *("ecr:GetAuthorizationToken", "tag:GetResources"),
        *("logs:CreateLogDelivery", "logs:DescribeLogGroups"),
        *("logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
    }


def queue_policies() -> list[Any]:
    return [
        pytest.param("QueuePolicy", QUEUE, id="queue"),
        pytest.param("DeadLetterQueuePolicy", DEAD, id="dead-letter-queue"),
    ]


@pytest.mark.parametrize(("resource", "arn"), queue_policies())
def test_a_queue_accepts_messages_of_testfleets_rules_only(resource: str, arn: str) -> None:
    """EventBridge has no role for SQS. The queue's policy allows it to send."""
    policy = Policy.of(properties(deploy()["queue"], resource)["PolicyDocument"])
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule"

    def may(action: str, rule: str, account: str = ACCOUNT, service: str = "events.amazonaws.com") -> bool:
        context = {"aws:SecureTransport": "true", "aws:SourceAccount": account, "aws:SourceArn": rule}
        return policy.allows(Request(Call(action, arn), context, service))

    assert may("sqs:SendMessage", f"{rule}/testfleet-checkout-stage")
    assert not may("sqs:SendMessage", f"{rule}/other")
    assert not may("sqs:SendMessage", f"{rule}/testfleet-x", account="210987654321")
    assert not may("sqs:SendMessage", f"{rule}/testfleet-x", service="sns.amazonaws.com")
    assert not may("sqs:ReceiveMessage", f"{rule}/testfleet-x")


@pytest.mark.parametrize(("resource", "arn"), queue_policies())
def test_a_queue_rejects_requests_without_tls(resource: str, arn: str) -> None:
    """The deny wins over every allow."""
    policy = Policy.of(properties(deploy()["queue"], resource)["PolicyDocument"])
    for action in ("sqs:SendMessage", "sqs:ReceiveMessage"):
        assert policy.denies(Request(Call(action, arn), {"aws:SecureTransport": "false"}))
        assert not policy.denies(Request(Call(action, arn), {"aws:SecureTransport": "true"}))


@pytest.mark.parametrize(("name", "resource"), [("storage", "Bucket"), ("pipeline", "ArtifactBucket")])
def test_a_bucket_rejects_requests_without_tls(name: str, resource: str) -> None:
    """The rule covers the bucket and its objects."""
    stack = deploy()[name]
    policy = Policy.of(properties(stack, f"{resource}Policy")["PolicyDocument"])
    arn = "arn:aws:s3:::qa-artifacts" if name == "storage" else f"<{stack.name}/{resource}.Arn>"
    for target in (arn, f"{arn}/r-1/1/1/junit/junit.xml"):
        assert policy.denies(Request(Call("s3:PutObject", target), {"aws:SecureTransport": "false"}))
        assert not policy.denies(Request(Call("s3:PutObject", target), {"aws:SecureTransport": "true"}))


def test_the_database_users_are_those_that_sql_creates() -> None:
    """A login as a user that roles.sql does not create would fail."""
    granted = {
        grant.resource.rpartition("/")[2]
        for role in EXPECTED
        for grant in Policy.of(*documents(deploy(identity=OPTIONAL)["identity"], role)).grants()
        if grant.action == "rds-db:connect"
    }
    sql = (FOLDER / "sql" / "roles.sql").read_text()
    (created,) = (line for line in sql.splitlines() if "FOREACH login IN ARRAY" in line)
    assert granted == {name for name in created.split("'") if name.startswith("testfleet_")}
