"""The platform's secret becomes files that the programs read their settings from."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.config import parse, write
from runtime.errors import InvalidInput
from tests.support.aws.endpoint import Aws

SECRET = {"REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet", "WORKER_BASE_URL": "https://x.example.com"}


def run(module: list[str], env: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *module], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr.strip()


@pytest.fixture
def env(aws: Aws, clean_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An init container's environment; the bucket and the secret are there."""
    aws.client("secretsmanager").create_secret(Name=f"{aws.bucket}-platform", SecretString=json.dumps(SECRET))
    return (
        clean_env
        | aws.env
        | {
            "CONFIG_SECRET": f"{aws.bucket}-platform",
            "CONFIG_DIR": str(tmp_path / "config"),
            "HANDOFF_DIR": str(tmp_path),
            "ARTIFACTS_DIR": str(tmp_path),
            "REPORTER_BUCKET": aws.bucket,
        }
    )


def test_each_program_finds_its_own_part(env: dict[str, str], tmp_path: Path) -> None:
    """The database's address reaches the reporter, which then finds nothing missing, and not the worker's folder."""
    assert run(["reporter.config"], env) == (0, "")
    files = {path for path in (tmp_path / "config").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "config")): path.read_text() for path in files} == {
        "worker/WORKER_BASE_URL": SECRET["WORKER_BASE_URL"],
        "reporter/REPORTER_DATABASE_URL": SECRET["REPORTER_DATABASE_URL"],
    }
    assert run(["reporter", "--check"], env | {"CONFIG_DIR": str(tmp_path / "config/reporter")}) == (0, "")


def test_nobody_else_may_read_it_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """An init container that is run again finds its own files."""
    write(SECRET, tmp_path)
    write(SECRET | {"WORKER_BASE_URL": "https://y.example.com"}, tmp_path)
    file = tmp_path / "worker" / "WORKER_BASE_URL"
    assert file.read_text() == "https://y.example.com"
    assert stat.S_IMODE(file.stat().st_mode) == 0o400


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("not JSON", "CONFIG_SECRET: must hold a JSON object"),
        ("[1]", "CONFIG_SECRET: must hold a JSON object"),
        ('{"BASE_URL": "x"}', "CONFIG_SECRET: BASE_URL: must be a setting, WORKER_… or REPORTER_…"),
        ('{"WORKER_../x": "x"}', "CONFIG_SECRET: WORKER_../x: must be a setting, WORKER_… or REPORTER_…"),
        ('{"REPORTER_LEASE": 7}', "CONFIG_SECRET: REPORTER_LEASE: must be a string"),
    ],
)
def test_a_wrong_secret_is_one_line_without_its_values(text: str, line: str) -> None:
    """The key is named, the value never."""
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert str(caught.value) == line


def test_what_is_wrong_is_told_before_anything_else_of_the_pod_starts(env: dict[str, str]) -> None:
    """78, and one line that names the setting; the message is still in the queue, as no worker has run."""
    code, line = run(["reporter.config"], env | {"CONFIG_SECRET": "no-such-secret"})
    assert (code, line.count("\n")) == (78, 0)
    assert line.startswith("config: CONFIG_SECRET: must be a secret that this role may read: no-such-secret (")
    code, line = run(["reporter.config"], {name: value for name, value in env.items() if name != "CONFIG_SECRET"})
    assert (code, line) == (78, "config: CONFIG_SECRET: is required")


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        (
            "REPORTER_BUCKET",
            "no-such-bucket",
            "reporter: REPORTER_BUCKET: must be a bucket that exists for this role: ",
        ),
        ("REPORTER_BUCKET", "Bad_Name", "reporter: REPORTER_BUCKET: must be a bucket's name: "),
        ("REPORTER_DATABASE_URL", "mysql://x", "reporter: REPORTER_DATABASE_URL: must be a postgresql://"),
    ],
)
def test_a_bad_bucket_or_setting_is_told_before_the_suite_could_run(
    env: dict[str, str], setting: str, value: str, line: str
) -> None:
    """An upload at the end of an hour's suite is the wrong time to find out."""
    good = {"REPORTER_DATABASE_URL": SECRET["REPORTER_DATABASE_URL"]}
    code, told = run(["reporter", "--check"], env | good | {setting: value})
    assert (code, told.count("\n")) == (78, 0)
    assert told.startswith(line)


@pytest.mark.parametrize("module", [["reporter.config"], ["reporter", "--check"]])
def test_an_endpoint_out_of_reach_is_worth_another_try(env: dict[str, str], module: list[str]) -> None:
    """Nothing is wrong with the settings: 75."""
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "REPORTER_DATABASE_URL": SECRET["REPORTER_DATABASE_URL"]}
    code, told = run(module, env | away)
    assert (code, told.count("\n")) == (75, 0)
    assert "out of reach" in told
