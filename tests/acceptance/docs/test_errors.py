"""The runbook quotes the errors of the programs."""

import re
import runpy
from pathlib import Path

import pytest

from tests.support.aws.endpoint import Aws
from tests.support.python import python
from tests.support.runbook import ROOT, TEXT
from worker.suite import sandbox

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs"

WORKER = {
    "WORKER_CATALOG": str(ROOT / "examples" / "suites" / "catalog.toml"),
    "WORKER_DEAD_LETTER_QUEUE_URL": f"{QUEUE}-dead",
}

RANGES = ("--database-cidr", "10.0.0.0/16", "--target-cidr", "10.0.42.0/24", "--dns-cidr", "172.20.0.0/16")


@pytest.mark.parametrize(
    ("env", "arguments", "code"),
    [
        (WORKER | {"WORKER_QUEUE_URL": "test-jobs"}, ("-m", "worker", "--check"), 78),
        ({"REPORTER_BUCKET": "Qa_1", "REPORTER_DATABASE_URL": "postgresql://h/d"}, ("-m", "reporter", "--check"), 78),
        ({"TESTFLEET_QUEUE_URL": "test-jobs"}, ("-m", "testfleet", "enqueue", "smoke"), 78),
        (
            {},
            (
                "deploy/keda/platform_env.py",
                "--image-tag",
                "1",
                "--database-cidr",
                "10.0.0.1/16",
                *RANGES[2:],
            ),
            64,
        ),
    ],
    ids=["queue", "bucket", "command", "range"],
)
def test_the_table_quotes_the_error_of_a_wrong_value(
    env: dict[str, str], arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """The table quotes the error line."""
    folders = {"HANDOFF_DIR": str(tmp_path), "ARTIFACTS_DIR": str(tmp_path), "CONFIG_DIR": str(tmp_path)}
    done = python(env | folders | {"AWS_REGION": "eu-central-1"}, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert f"`{done.stderr.strip()}`" in TEXT


def test_the_table_quotes_the_error_of_a_missing_export() -> None:
    """All other exports exist."""
    script = runpy.run_path(str(ROOT / "deploy" / "keda" / "platform_env.py"))
    places = {*script["EXPORTS"].values(), ("database", "DatabaseEndpoint"), ("database", "DatabaseName")}
    exports = {f"testfleet-{template}-{output}": "a value" for template, output in places}
    options = script["_options"](["--image-tag", "1", *RANGES])
    script["from_exports"](exports, options)
    del exports["testfleet-identity-WorkerRoleArn"]
    with pytest.raises(script["Missing"]) as caught:
        script["from_exports"](exports, options)
    assert f"`platform: {caught.value}`" in TEXT


def test_the_table_quotes_the_error_of_a_missing_image(aws: Aws) -> None:
    script = runpy.run_path(str(ROOT / "deploy" / "keda" / "platform_env.py"))
    options = script["_options"](["--image-tag", "0.1.0", *RANGES])
    with pytest.raises(script["Missing"]) as caught:
        script["_digest"](aws.client("ecr"), "testfleet/all", options)
    assert f"`platform: {caught.value}`" in TEXT


def test_the_table_quotes_the_error_of_a_missing_secret(aws: Aws, tmp_path: Path) -> None:
    done = python(aws.env | {"CONFIG_SECRET": "not-there", "CONFIG_DIR": str(tmp_path)}, "-m", "podconfig")
    (line,) = re.findall(r"`(config: CONFIG_SECRET: .*?)…`", TEXT)
    assert (done.returncode, done.stderr.startswith(line)) == (78, True)


def test_the_table_quotes_the_error_of_a_kernel_without_landlock() -> None:
    (line,) = re.findall(r"`worker: WORKER_SUITE_SANDBOX: (.*?); …`", TEXT)
    assert sandbox.NEEDS.startswith(f"{line};")
