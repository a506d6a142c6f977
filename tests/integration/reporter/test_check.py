"""`python -m reporter --check`: wrong settings end the pod before its worker receives a message."""

import sys
from pathlib import Path

import pytest

from tests.support.aws.endpoint import Aws
from tests.support.forks.popen import run_program


def check(env: dict[str, str]) -> tuple[int, str]:
    done = run_program(
        [sys.executable, "-m", "reporter", "--check"], env=env, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr.strip()


@pytest.fixture
def env(aws: Aws, clean_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of the init container; the bucket exists."""
    settings = {
        "CONFIG_DIR": str(tmp_path),
        "HANDOFF_DIR": str(tmp_path),
        "ARTIFACTS_DIR": str(tmp_path),
        "REPORTER_BUCKET": aws.bucket,
        "REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet",
    }
    return clean_env | aws.env | settings


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        (
            "REPORTER_BUCKET",
            "no-such-bucket",
            "reporter: REPORTER_BUCKET: must be a bucket that exists for this role: ",
        ),
        ("REPORTER_BUCKET", "Bad_Name", "reporter: REPORTER_BUCKET: must be a bucket's name: "),
        ("AWS_ENDPOINT_URL", "localhost:5000", "reporter: AWS_ENDPOINT_URL: must be an http:// or https:// URL"),
        ("REPORTER_DATABASE_URL", "mysql://x", "reporter: REPORTER_DATABASE_URL: must be a postgresql://"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_78(env: dict[str, str], setting: str, value: str, line: str) -> None:
    """Otherwise the upload after a suite of an hour would be the first to fail."""
    code, printed = check(env | {setting: value})
    assert (code, printed.count("\n")) == (78, 0)
    assert printed.startswith(line)


def test_an_endpoint_out_of_reach_is_exit_code_75(env: dict[str, str]) -> None:
    """No setting is wrong, and the next start may succeed."""
    code, printed = check(env | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (code, printed.count("\n")) == (75, 0)
    assert "out of reach" in printed
