"""Write an overlay's platform.env from the exports of the stacks in deploy/aws and the digests of the pushed images.

    python deploy/keda/platform_env.py --image-tag 0.1.0 --database-cidr 10.0.0.0/16 --target-cidr 10.0.42.0/24
        --dns-cidr 172.20.0.0/16

The script writes the file only when it has every value. Exit codes: 64 an option is wrong, 69 AWS is out of reach, 78
an export or an image is missing. One line on stderr names the cause.
"""

import argparse
import ipaddress
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

OVERLAY = Path(__file__).parent / "overlays" / "eks" / "platform.env"
MAX_JOBS = 10_000
SPARE_PODS = 10
"""Pods beyond the Jobs: the migration, and pods that replace evicted ones before those are gone."""
RUNNERS = ("playwright", "k6", "newman", "pytest")

EXPORTS: Mapping[str, tuple[str, str]] = {
    "IMAGE_REGISTRY": ("registry", "RegistryUri"),
    "QUEUE_URL": ("queue", "QueueUrl"),
    "DEAD_LETTER_QUEUE_URL": ("queue", "DeadLetterQueueUrl"),
    "BUCKET": ("storage", "BucketName"),
    "PLATFORM_SECRET": ("database", "PlatformSecretName"),
    "WORKER_ROLE_ARN": ("identity", "WorkerRoleArn"),
    "REPORTER_ROLE_ARN": ("identity", "ReporterRoleArn"),
    "CONFIG_ROLE_ARN": ("identity", "ConfigRoleArn"),
    "MIGRATE_ROLE_ARN": ("identity", "MigrateRoleArn"),
    "SWEEP_ROLE_ARN": ("identity", "SweepRoleArn"),
}
"""Template and output of the export that holds the value, by key of the file."""

_DATABASE_URL = "postgresql://testfleet_{user}@{host}:5432/{name}"


class Missing(Exception):
    """A stack does not export a value, or the registry does not have an image."""


def main(arguments: list[str]) -> int:
    """Write the file; return the exit code."""
    options = _options(arguments)
    try:
        client = boto3.client("cloudformation")
        pages = client.get_paginator("list_exports").paginate()
        exports = {export["Name"]: export["Value"] for page in pages for export in page["Exports"]}
        values = {"AWS_REGION": str(client.meta.region_name), **from_options(options), **from_exports(exports, options)}
        values |= image_references(boto3.client("ecr"), values["IMAGE_REGISTRY"], options)
    except (BotoCoreError, ClientError) as error:
        return _fail(f"AWS: {' '.join(str(error).split())}", 69)
    except Missing as error:
        return _fail(str(error), 78)
    options.output.write_text(render(values))
    return 0


def from_options(options: argparse.Namespace) -> dict[str, str]:
    """Return the values that come from options."""
    return {
        "MAX_JOBS": str(options.max_jobs),
        "MAX_PODS": str(options.max_jobs * (1 + len(RUNNERS) * options.runner_queues) + SPARE_PODS),
        "MIGRATE_DATABASE_AUTH": "iam",
        "DATABASE_CIDR": options.database_cidr,
        "TARGET_CIDR": options.target_cidr,
        "DNS_CIDR": options.dns_cidr,
    }


def from_exports(exports: Mapping[str, str], options: argparse.Namespace) -> dict[str, str]:
    """Return the values that the stacks export.

    Raises:
        Missing: names the export and the template that makes it.
    """

    def value(template: str, output: str, suffix: str = "") -> str:
        name = f"{options.prefix}-{template}{suffix}-{output}"
        if name not in exports:
            raise Missing(f"{name}: no stack exports it; deploy {options.prefix}-{template}{suffix} ({template}.yaml)")
        return exports[name]

    values = {key: value(*place) for key, place in EXPORTS.items()}
    host, name = value("database", "DatabaseEndpoint"), value("database", "DatabaseName")
    values["MIGRATE_DATABASE_URL"] = _DATABASE_URL.format(user="migrator", host=host, name=name)
    values["SWEEP_DATABASE_URL"] = _DATABASE_URL.format(user="reporter", host=host, name=name)
    for runner in RUNNERS if options.runner_queues else ():
        for key, output in (("QUEUE_URL", "QueueUrl"), ("DEAD_LETTER_QUEUE_URL", "DeadLetterQueueUrl")):
            values[f"{runner.upper()}_{key}"] = value("queue", output, f"-{runner}")
    return values


def image_references(ecr: Any, registry: str, options: argparse.Namespace) -> dict[str, str]:
    """Return the tag and digest of each image: `0.1.0@sha256:…`.

    Raises:
        Missing: names the image that the registry does not have.
    """
    prefix = registry.partition("/")[2]
    return {key: f"{options.image_tag}@{_digest(ecr, f'{prefix}/{name}', options)}" for key, name in images(options)}


def images(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield the key of the file and the name of each image that the manifests need."""
    yield "IMAGE_TAG", "testfleet"
    yield "RUNNER_IMAGE_TAG", "all"
    for runner in RUNNERS if options.runner_queues else ():
        yield f"{runner.upper()}_IMAGE_TAG", runner


def _digest(ecr: Any, repository: str, options: argparse.Namespace) -> str:
    absent = ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException
    try:
        answer = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": options.image_tag}])
    except absent as error:
        image = f"{repository}:{options.image_tag}"
        raise Missing(f"{image}: the registry has no such image; push it (docker/README.md)") from error
    return str(answer["imageDetails"][0]["imageDigest"])


def render(values: Mapping[str, str]) -> str:
    """Return the text of the file."""
    return "# Written by deploy/keda/platform_env.py.\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _options(arguments: Iterable[str]) -> argparse.Namespace:
    parser = _Parser(prog="platform_env.py", description="Write platform.env from the stacks of deploy/aws.")
    parser.add_argument("--image-tag", required=True, type=_tag, help="tag of the pushed images")
    parser.add_argument("--database-cidr", required=True, type=_cidr, help="range of PostgreSQL, such as the VPC's")
    parser.add_argument(
        "--target-cidr", required=True, type=_cidr, help="range of systems under test on ports other than 443"
    )
    parser.add_argument("--dns-cidr", required=True, type=_cidr, help="the cluster's IPv4 service range")
    parser.add_argument(
        "--max-jobs", type=_count, default=20, help="maximum number of pods per queue; MaxJobs of alarms.yaml"
    )
    parser.add_argument("--prefix", default="testfleet", help="prefix of the names of the stacks")
    parser.add_argument("--runner-queues", action="store_true", help="a queue for each runner, too")
    parser.add_argument("--output", type=Path, default=OVERLAY, help="the file to write")
    options = parser.parse_args(list(arguments))
    if ipaddress.IPv4Network(options.database_cidr).subnet_of(ipaddress.IPv4Network(options.target_cidr)):
        parser.error(  # otherwise tests could reach every service of the VPC on ports 80 to 10000
            f"argument --target-cidr: must not contain --database-cidr {options.database_cidr}, "
            f"but is {options.target_cidr}; give the range of the systems under test"
        )
    return options


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.exit(_fail(message, 64))


def _tag(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text):
        raise argparse.ArgumentTypeError(f"must be an image's tag (1 to 128 of A-Z a-z 0-9 _ . -), but is {text!r}")
    return text


def _cidr(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be an IPv4 range such as 10.0.0.0/16, but is {text}") from None
    if network.overlaps(ipaddress.IPv4Network("169.254.0.0/16")):
        raise argparse.ArgumentTypeError(
            f"must not contain 169.254.0.0/16, the range of the nodes' metadata service, but is {text}"
        )
    return str(network)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_JOBS:
        raise argparse.ArgumentTypeError(f"must be 1 to {MAX_JOBS}, but is {text}")
    return int(text)


def _fail(line: str, exit_code: int) -> int:
    sys.stderr.write(f"platform: {line}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
