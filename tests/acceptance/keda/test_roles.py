"""A pod's token that may not assume its role. The first AWS call of each program goes to STS."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reporter.aws import rds_tokens
from reporter.errors import DatabaseOutOfReach, DatabaseRefused
from tests.support.forks.popen import run_program
from tests.support.manifests import KEDA

CATALOG = KEDA.parents[1] / "examples" / "suites" / "catalog.toml"
REFUSAL = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error>
<RequestId>r-1</RequestId></ErrorResponse>"""


class RefusingSts(BaseHTTPRequestHandler):
    """An STS that rejects every token. No program gets as far as another call."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = b"Action=AssumeRoleWithWebIdentity" in body
        self.send_response(403 if known else 500)
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_: object) -> None:
        """Print no line for each request."""


@pytest.fixture
def sts() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), RefusingSts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def access(sts: str, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a container that name its role."""
    token = tmp_path / "token"
    token.write_text("a token")
    return {
        "AWS_ENDPOINT_URL": sts,
        "AWS_REGION": "eu-central-1",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/another",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
    }


NOT_OURS = "AWS_ROLE_ARN: must be a role that this pod's token may take: "


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (["podconfig"], f"config: {NOT_OURS}"),
        (["reporter", "--check"], f"reporter: {NOT_OURS}"),
        (["worker"], f"worker: {NOT_OURS}"),
        (["testfleet", "migrate"], "testfleet: TESTFLEET_DATABASE_AUTH: no RDS token could be signed: "),
    ],
    ids=["config", "check", "worker", "migrate"],
)
def test_a_role_that_the_token_may_not_assume_is_reported_in_one_line(
    module: list[str], line: str, access: dict[str, str], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """The exit code is 78, and the line blames neither the bucket nor the queue."""
    env = {
        **clean_env,
        **access,
        "TESTFLEET_DATABASE_AUTH": "iam",
        "TESTFLEET_DATABASE_URL": "postgresql://testfleet_migrator@db.example.com/testfleet",
        "ARTIFACTS_DIR": str(tmp_path),
        "CONFIG_DIR": str(tmp_path / "config"),
        "CONFIG_SECRET": "testfleet-platform",
        "HANDOFF_DIR": str(tmp_path),
        "REPORTER_BUCKET": "qa-artifacts",
        "REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet",
        "WORKER_CATALOG": str(CATALOG),
        "WORKER_DEAD_LETTER_QUEUE_URL": "https://sqs.example.com/123456789012/test-jobs-dead",
        "WORKER_QUEUE_URL": "https://sqs.example.com/123456789012/test-jobs",
        "WORKER_SUITE_SANDBOX": "off",
    }
    done = run_program([sys.executable, "-m", *module], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done.stderr
    assert done.stderr.startswith(line)
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_a_rejected_login_is_not_retried(access: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The reporter writes the reason to its admission at once. It retries a failing network only."""
    for name, value in access.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    async with rds_tokens("postgresql://testfleet_reporter@db.example.com/testfleet") as sign:
        with pytest.raises(DatabaseRefused, match=r"no token could be signed for the database: .*AccessDenied"):
            await sign()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    async with rds_tokens("postgresql://testfleet_reporter@db.example.com/testfleet") as sign:
        with pytest.raises(DatabaseOutOfReach, match="no token could be signed for the database: "):
            await sign()


def test_a_migration_without_sts_ends_with_an_exit_code_to_retry(
    access: dict[str, str], clean_env: dict[str, str]
) -> None:
    """The exit code is 69, and the Job tries again."""
    env = {
        **clean_env,
        **access,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
        "TESTFLEET_DATABASE_AUTH": "iam",
        "TESTFLEET_DATABASE_URL": "postgresql://testfleet_migrator@db.example.com/testfleet",
    }
    done = run_program(
        [sys.executable, "-m", "testfleet", "migrate"], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 69, done.stderr
    assert done.stderr.count("\n") == 1
