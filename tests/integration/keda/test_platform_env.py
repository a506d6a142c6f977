"""deploy/keda/platform_env.py with existing and missing stacks."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.aws.endpoint import Aws
from tests.support.aws.stacks import deploy
from tests.support.manifests import KEDA

OPTIONS = (
    *("--image-tag", "1.2.3", "--database-cidr", "10.1.0.0/16", "--target-cidr", "10.2.0.0/16"),
    *("--dns-cidr", "172.20.0.0/16"),
)
NARROW = "give the range of the systems under test"


@pytest.fixture
def env(aws: Aws, clean_env: dict[str, str]) -> dict[str, str]:
    return clean_env | aws.env | {"AWS_DEFAULT_REGION": aws.env["AWS_REGION"]}


def export(aws: Aws, name: str, exports: Mapping[str, str]) -> None:
    """Create a stack that exports the values."""
    outputs = {
        f"Output{number}": {"Value": value, "Export": {"Name": each}}
        for number, (each, value) in enumerate(exports.items())
    }
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    aws.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def push(aws: Aws, repository: str, tag: str) -> str:
    """Push an empty image; return its digest."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName=repository)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 2,
            "digest": f"sha256:{'0' * 64}",
        },
        "layers": [],
        "annotations": {"repository": repository},
    }
    done = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
    return str(done["image"]["imageId"]["imageDigest"])


def run(env: Mapping[str, str], output: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(KEDA / "platform_env.py"), "--output", str(output), *options],
        env=dict(env), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr.strip()


def values(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_the_file_has_every_value_that_the_overlay_needs(aws: Aws, env: dict[str, str], tmp_path: Path) -> None:
    """The exports become the keys of the committed example. After a failure, the old file stays."""
    prefix = aws.bucket  # exports belong to the account, which other tests use, too
    exported = {
        name.replace("testfleet-", f"{prefix}-", 1): value
        for stack in deploy().values()
        for name, value in stack.exports.items()
    }
    export(aws, prefix, exported)
    repositories = exported[f"{prefix}-registry-RegistryUri"].partition("/")[2]
    digests = {image: push(aws, f"{repositories}/{image}", "1.2.3") for image in ("testfleet", "all")}
    output = tmp_path / "platform.env"
    assert run(env, output, *OPTIONS, "--prefix", prefix, "--max-jobs", "7") == (0, "")
    found, example = values(output), values(KEDA / "overlays" / "eks" / "platform.env")
    assert found.keys() == example.keys()
    assert found == {
        "AWS_REGION": "eu-central-1",
        "IMAGE_REGISTRY": exported[f"{prefix}-registry-RegistryUri"],
        "IMAGE_TAG": f"1.2.3@{digests['testfleet']}",
        "RUNNER_IMAGE_TAG": f"1.2.3@{digests['all']}",
        "MAX_JOBS": "7",
        "MAX_PODS": "17",
        "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs-dead",
        "BUCKET": "qa-artifacts",
        "PLATFORM_SECRET": "testfleet-platform",
        "WORKER_ROLE_ARN": exported[f"{prefix}-identity-WorkerRoleArn"],
        "REPORTER_ROLE_ARN": exported[f"{prefix}-identity-ReporterRoleArn"],
        "CONFIG_ROLE_ARN": exported[f"{prefix}-identity-ConfigRoleArn"],
        "MIGRATE_ROLE_ARN": exported[f"{prefix}-identity-MigrateRoleArn"],
        "MIGRATE_DATABASE_URL": "postgresql://testfleet_migrator@results.abc.eu-central-1.rds.amazonaws.com:5432/testfleet",
        "MIGRATE_DATABASE_AUTH": "iam",
        "SWEEP_ROLE_ARN": exported[f"{prefix}-identity-SweepRoleArn"],
        "SWEEP_DATABASE_URL": "postgresql://testfleet_reporter@results.abc.eu-central-1.rds.amazonaws.com:5432/testfleet",
        "DATABASE_CIDR": "10.1.0.0/16",
        "TARGET_CIDR": "10.2.0.0/16",
        "DNS_CIDR": "172.20.0.0/16",
    }
    code, line = run(env, output, *OPTIONS, "--prefix", prefix, "--image-tag", "1.2.4")
    missing = f"{repositories}/testfleet:1.2.4: the registry has no such image; push it (docker/README.md)"
    assert (code, line) == (78, f"platform: {missing}")
    code, line = run(env, output, *OPTIONS, "--prefix", prefix, "--runner-queues")
    missing = f"{prefix}-queue-playwright-QueueUrl: no stack exports it"
    assert (code, line) == (78, f"platform: {missing}; deploy {prefix}-queue-playwright (queue.yaml)")
    assert values(output) == found  # the old file is unchanged


def test_a_missing_stack_is_named(env: dict[str, str], tmp_path: Path) -> None:
    """The line names its template, and no incomplete file is written."""
    output = tmp_path / "platform.env"
    assert run(env, output, *OPTIONS, "--prefix", "nothing") == (
        78,
        "platform: nothing-registry-RegistryUri: no stack exports it; deploy nothing-registry (registry.yaml)",
    )
    assert not output.exists()


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        (
            "--image-tag",
            "a b",
            "argument --image-tag: must be an image's tag (1 to 128 of A-Z a-z 0-9 _ . -), but is 'a b'",
        ),
        ("--database-cidr", "vpc", "argument --database-cidr: must be an IPv4 range such as 10.0.0.0/16, but is vpc"),
        (
            "--database-cidr",
            "10.0.0.1/8",
            "argument --database-cidr: must be an IPv4 range such as 10.0.0.0/16, but is 10.0.0.1/8",
        ),
        (
            "--target-cidr",
            "0.0.0.0/0",
            (
                "argument --target-cidr: must not contain 169.254.0.0/16, the range of the nodes' metadata service, "
                "but is 0.0.0.0/0"
            ),
        ),
        (
            "--dns-cidr",
            "fd00::/108",
            "argument --dns-cidr: must be an IPv4 range such as 10.0.0.0/16, but is fd00::/108",
        ),
        (
            "--target-cidr",
            "10.0.0.0/14",
            f"argument --target-cidr: must not contain --database-cidr 10.1.0.0/16, but is 10.0.0.0/14; {NARROW}",
        ),
        ("--max-jobs", "0", "argument --max-jobs: must be 1 to 10000, but is 0"),
    ],
)
def test_a_wrong_option_is_named(option: str, value: str, line: str, env: dict[str, str], tmp_path: Path) -> None:
    """No call to AWS is made."""
    options = dict(zip(OPTIONS[::2], OPTIONS[1::2], strict=True)) | {option: value}
    assert run(env, tmp_path / "x", *(part for pair in options.items() for part in pair)) == (64, f"platform: {line}")


def test_aws_out_of_reach_is_another_exit_code(env: dict[str, str], tmp_path: Path) -> None:
    """The exit code means that the same command may succeed later."""
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    code, line = run(env | away, tmp_path / "x", *OPTIONS)
    assert code == 69
    assert line.startswith("platform: AWS: Could not connect")
