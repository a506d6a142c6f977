"""The exact grants of each role."""

from typing import Any

from tests.support.aws.resolve import ACCOUNT, REGION, Stack
from tests.support.aws.stacks import CREATED, properties

QUEUE = CREATED["queue"]["Queue.Arn"]
DEAD = CREATED["queue"]["DeadLetterQueue.Arn"]
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
USER = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-ABC"
OBJECTS = "arn:aws:s3:::qa-artifacts/*"

EXPECTED = {
    "WorkerRole": {
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:ChangeMessageVisibility", QUEUE),
        ("sqs:DeleteMessage", QUEUE),
        ("sqs:SendMessage", DEAD),
        ("secretsmanager:GetSecretValue", f"{SECRET}:testfleet/*"),
    },
    "ReporterRole": {
        ("s3:ListBucket", "arn:aws:s3:::qa-artifacts"),
        ("s3:PutObject", OBJECTS),
        ("s3:AbortMultipartUpload", OBJECTS),
        ("rds-db:connect", f"{USER}/testfleet_reporter"),
    },
    "ConfigRole": {("secretsmanager:GetSecretValue", f"{SECRET}:testfleet-platform-??????")},
    "MigrateRole": {("rds-db:connect", f"{USER}/testfleet_migrator")},
    "SweepRole": {
        ("sqs:GetQueueAttributes", QUEUE),
        ("sqs:ReceiveMessage", DEAD),
        ("sqs:ChangeMessageVisibility", DEAD),
        ("rds-db:connect", f"{USER}/testfleet_reporter"),
    },
    "KedaRole": {("sqs:GetQueueAttributes", QUEUE)},
    "GrafanaRole": {("rds-db:connect", f"{USER}/testfleet_reader")},
    "CliRole": {
        ("sqs:SendMessage", QUEUE),
        ("sqs:GetQueueAttributes", QUEUE),
        ("sqs:GetQueueAttributes", DEAD),
        ("sqs:ReceiveMessage", DEAD),
        ("sqs:ChangeMessageVisibility", DEAD),
        ("sqs:DeleteMessage", DEAD),
        ("rds-db:connect", f"{USER}/testfleet_cli"),
    },
    "IngestRole": {
        ("s3:ListBucket", "arn:aws:s3:::qa-artifacts"),
        ("s3:PutObject", OBJECTS),
        ("s3:AbortMultipartUpload", OBJECTS),
        ("rds-db:connect", f"{USER}/testfleet_reporter"),
    },
}
"""Every grant of every role if only the required parameters are given."""

OPERATORS = {"OperatorArns": "arn:aws:iam::123456789012:role/dev"}
GRAFANA = {"CreateGrafanaRole": "true"}
OPTIONAL = OPERATORS | GRAFANA


def documents(stack: Stack, role: str, *others: Stack) -> list[dict[str, Any]]:
    """Return every policy document of a role: inline and managed policies, of this stack or of others."""
    body = properties(stack, role)
    inline = [policy["PolicyDocument"] for policy in body.get("Policies", [])]
    known = {f"<{made.name}/{name}>": properties(made, name) for made in (stack, *others) for name in made.resources}
    return inline + [known[arn]["PolicyDocument"] for arn in body.get("ManagedPolicyArns", [])]
