"""Stacks that moto creates, and their use."""

import json
from typing import Any

import pytest

from handoff.message import ParsedMessage
from tests.support.aws.moto import Client, make
from tests.support.aws.policy import Policy
from tests.support.aws.resolve import resolve
from tests.support.aws.roles import EXPECTED, OPTIONAL, documents
from tests.support.aws.stacks import CREATED, REQUIRED, deploy, properties, stack_name
from tests.support.aws.template import load

JOB = json.dumps({"runId": "r-1", "suite": "checkout"})


@pytest.fixture(scope="module")
def queue(client: Client) -> dict[str, str]:
    """Create the queue's stack; return its outputs."""
    return make(client, "queue")


@pytest.fixture(scope="module")
def storage(client: Client) -> dict[str, str]:
    """Create the bucket's stack; return its outputs."""
    return make(client, "storage")


def receive(client: Client, url: str) -> list[dict[str, Any]]:
    answer = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=0, VisibilityTimeout=0)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_the_outputs_equal_the_values_of_the_unit_tests(queue: dict[str, str], storage: dict[str, str]) -> None:
    """The unit tests assume these physical ids."""
    resolved = deploy()
    assert queue == resolved["queue"].outputs
    assert storage == resolved["storage"].outputs


def test_a_job_that_five_workers_failed_to_delete_is_dead_lettered(client: Client, queue: dict[str, str]) -> None:
    """The sixth receive returns nothing, and the dead-letter queue has the unchanged message."""
    client("sqs").send_message(QueueUrl=queue["QueueUrl"], MessageBody=JOB)
    for _ in range(5):
        (message,) = receive(client, queue["QueueUrl"])
        assert message["Body"] == JOB
    assert receive(client, queue["QueueUrl"]) == []
    (dead,) = receive(client, queue["DeadLetterQueueUrl"])
    assert dead["Body"] == JOB
    client("sqs").purge_queue(QueueUrl=queue["DeadLetterQueueUrl"])


def test_the_queues_have_the_times_that_the_template_gives(client: Client, queue: dict[str, str]) -> None:
    """A dead message is kept longer than a live one. Only this queue may use that dead-letter queue."""

    def attributes(url: str) -> dict[str, str]:
        found: dict[str, str] = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    jobs, dead = attributes(queue["QueueUrl"]), attributes(queue["DeadLetterQueueUrl"])
    assert jobs["VisibilityTimeout"] == "120"
    assert jobs["ReceiveMessageWaitTimeSeconds"] == "20"
    assert int(dead["MessageRetentionPeriod"]) > int(jobs["MessageRetentionPeriod"])
    assert json.loads(jobs["RedrivePolicy"]) == {
        "deadLetterTargetArn": queue["DeadLetterQueueArn"],
        "maxReceiveCount": 5,
    }


def test_a_file_in_the_bucket_is_encrypted_by_default(client: Client, storage: dict[str, str]) -> None:
    """The request that stores the file names no encryption."""
    place = {"Bucket": storage["BucketName"], "Key": "r-1/1/1/junit/junit.xml"}
    client("s3").put_object(**place, Body=b"<testsuites/>", ContentType="application/xml")
    found = client("s3").get_object(**place)
    assert found["Body"].read() == b"<testsuites/>"
    encryption = client("s3").get_bucket_encryption(Bucket=storage["BucketName"])
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_every_image_has_a_repository_that_keeps_its_tags(client: Client) -> None:
    """All repositories have the registry's address as their prefix."""
    outputs = make(client, "registry")
    repositories = {found["repositoryName"]: found for found in client("ecr").describe_repositories()["repositories"]}
    images = ("testfleet", "codebuild", "playwright", "k6", "newman", "pytest", "all")
    assert set(repositories) == {f"testfleet/{image}" for image in images}
    for name, found in repositories.items():
        assert found["imageTagMutability"] == "IMMUTABLE"
        assert found["repositoryUri"] == f"{outputs['RegistryUri']}/{name.removeprefix('testfleet/')}"


def test_the_success_of_a_stage_puts_a_valid_job_on_the_queue(client: Client, queue: dict[str, str]) -> None:
    """CodePipeline's event passes the rule, and the worker can parse the message. A failed stage sends none."""
    make(client, "schedule", PipelineName="shop", StageName="Deploy")
    detail = {
        "pipeline": "shop",
        "stage": "Deploy",
        "version": 1.0,
        "execution-id": "0a1b2c3d-1111-2222-3333-444455556666",
    }
    for state in ("STARTED", "FAILED", "SUCCEEDED"):
        client("events").put_events(
            Entries=[
                {
                    "Source": "aws.codepipeline",
                    "DetailType": "CodePipeline Stage Execution State Change",
                    "Detail": json.dumps({**detail, "state": state}),
                }
            ]
        )
    messages = client("sqs").receive_message(QueueUrl=queue["QueueUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=0)
    (message,) = messages["Messages"]
    job = ParsedMessage.from_body(message["Body"], message_id=message["MessageId"]).job
    assert job.run_id == "0a1b2c3d-1111-2222-3333-444455556666-Deploy-checkout"
    assert (job.suite, job.target_url, job.trigger) == ("checkout", "https://shop.example.com", "shop")


def test_iam_accepts_every_role_and_returns_its_rights(
    client: Client, queue: dict[str, str], storage: dict[str, str]
) -> None:
    """Trust and permissions pass IAM's checks of syntax, actions and ARNs, and IAM returns them unchanged.

    moto cannot make the identity stack itself (it stumbles over `AWS::NoValue` within a list), so its documents are
    resolved with the outputs of the stacks that it did make, and handed to IAM one by one.
    """
    iam = client("iam")
    exports = {f"{stack_name('queue')}-{key}": value for key, value in queue.items()}
    exports |= {f"{stack_name('storage')}-{key}": value for key, value in storage.items()}
    database = resolve(load("database"), stack_name("database"), REQUIRED["database"], created=CREATED["database"])
    stack = resolve(
        load("identity"),
        stack_name("identity"),
        {
            **REQUIRED["identity"],
            "OidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A",
            **OPTIONAL,
        },
        imports=exports | database.exports,
    )
    for role, expected in EXPECTED.items():
        trust = properties(stack, role)["AssumeRolePolicyDocument"]
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust if isinstance(trust, str) else json.dumps(trust))
        for number, document in enumerate(documents(stack, role)):
            iam.put_role_policy(RoleName=role, PolicyName=str(number), PolicyDocument=json.dumps(document))
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        created = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        assert {(grant.action, grant.resource) for grant in Policy.of(*created).grants()} == expected
