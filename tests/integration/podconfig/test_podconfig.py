"""`python -m podconfig` against Secrets Manager, and the programs that read its files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.aws.endpoint import Aws

SECRET = {"REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet", "WORKER_BASE_URL": "https://x.example.com"}


def run(module: list[str], env: dict[str, str]) -> tuple[int, str]:
    argv = [sys.executable, "-m", *module]  # a new interpreter: a fork would hide a missing import
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr.strip()


@pytest.fixture
def env(aws: Aws, clean_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of the init container; the secret exists."""
    aws.client("secretsmanager").create_secret(Name=f"{aws.bucket}-platform", SecretString=json.dumps(SECRET))
    settings = {"CONFIG_SECRET": f"{aws.bucket}-platform", "CONFIG_DIR": str(tmp_path / "config")}
    return clean_env | aws.env | settings


def test_each_program_gets_its_own_part(aws: Aws, env: dict[str, str], tmp_path: Path) -> None:
    """The reporter reads its settings from its part, and the worker's part lacks the database's URL."""
    assert run(["podconfig"], env) == (0, "")
    files = {path for path in (tmp_path / "config").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "config")): path.read_text() for path in files} == {
        "worker/WORKER_BASE_URL": SECRET["WORKER_BASE_URL"],
        "reporter/REPORTER_DATABASE_URL": SECRET["REPORTER_DATABASE_URL"],
    }
    reporter = {
        "CONFIG_DIR": str(tmp_path / "config/reporter"),
        "HANDOFF_DIR": str(tmp_path),
        "ARTIFACTS_DIR": str(tmp_path),
        "REPORTER_BUCKET": aws.bucket,
    }
    assert run(["reporter", "--check"], env | reporter) == (0, "")


def test_a_wrong_setting_is_one_line_and_exit_code_78(env: dict[str, str]) -> None:
    """The pod ends before its worker receives a message."""
    code, line = run(["podconfig"], env | {"CONFIG_SECRET": "no-such-secret"})
    assert (code, line.count("\n")) == (78, 0)
    assert line.startswith("config: CONFIG_SECRET: must be a secret that this role may read: no-such-secret (")
    code, line = run(["podconfig"], {name: value for name, value in env.items() if name != "CONFIG_SECRET"})
    assert (code, line) == (78, "config: CONFIG_SECRET: is required")
    code, line = run(["podconfig"], env | {"AWS_ENDPOINT_URL": "localhost:5000"})
    assert (code, line) == (78, "config: AWS_ENDPOINT_URL: must be an http:// or https:// URL")


def test_a_binary_secret_is_refused(aws: Aws, env: dict[str, str]) -> None:
    aws.client("secretsmanager").create_secret(Name=f"{aws.bucket}-binary", SecretBinary=b"\0")
    assert run(["podconfig"], env | {"CONFIG_SECRET": f"{aws.bucket}-binary"}) == (
        78,
        f"config: CONFIG_SECRET: must be a text and not binary: {aws.bucket}-binary",
    )


def test_an_endpoint_out_of_reach_is_exit_code_75(env: dict[str, str]) -> None:
    """No setting is wrong, and the next start may succeed."""
    code, line = run(["podconfig"], env | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (code, line.count("\n")) == (75, 0)
    assert line.startswith("config: Secrets Manager is out of reach: ")
