"""`testfleet comment` as a process."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.command import Command
from tests.support.forges import FakeGitHub
from tests.support.receiver import Receiver, Response, receiving

ROWS = """
    INSERT INTO test_runs (run_id, suite, status, shards, shards_done, total, failed, started_at, finished_at)
    VALUES (%(run_id)s, 'shop', 'failed', 1, 1, 2000, 2000, now(), now())
"""
CASES = """
    INSERT INTO test_cases (run_id, name, shard, attempt, status, message, day)
    SELECT run_id, 'case ' || n || repeat('x', 300), 1, 1, 'failed', repeat('@everyone ', 500) || n, day
    FROM test_runs, generate_series(1, 2000) AS n WHERE run_id = %(run_id)s
"""


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def actions(server: Receiver) -> dict[str, str]:
    """The environment of a pull request's job in GitHub Actions."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": server.url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_TOKEN": "good",
    }


def test_a_large_run_fits_into_one_comment_that_the_next_run_updates(
    command: Command, server: Receiver, actions: dict[str, str], execute: Any
) -> None:
    """The server refuses a longer body than GitHub does."""
    fake = FakeGitHub()
    server.answer = fake
    for run_id in ("r1", "r2"):
        execute(ROWS, run_id=run_id)
        execute(CASES, run_id=run_id)
    done = command("comment", "r1", **actions)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "added: https://github.com/acme/shop/pull/7#issuecomment-1\n"
    assert command("comment", "r2", **actions).stdout.startswith("updated: ")
    (comment,) = fake.comments
    assert "2000 failures" in comment["body"]
    assert len(comment["body"]) <= 65_536


@pytest.fixture
def _pull_request(server: Receiver, execute: Any) -> None:
    server.answer = FakeGitHub()
    execute(ROWS, run_id="r1")


@pytest.mark.parametrize(
    ("arguments", "env", "expected"),
    [
        (("none",), {}, (64, "RUN_ID: the database has no run none")),
        (("r1",), {"GITHUB_TOKEN": ""}, (78, "GITHUB_TOKEN: is required")),
        (("r1",), {"GITHUB_TOKEN": "bad"}, (78, "GITHUB_TOKEN: GitHub does not accept the token: Bad credentials")),
        (("r1",), {"GITHUB_REF": "refs/heads/main"}, (64, "--pull-request: is required")),
        (("r1", "--pull-request", "8"), {}, (64, "GitHub: no such repository or pull request")),
        (("r1",), {"GITHUB_API_URL": "http://api.example.com"}, (78, "GitHub: its address must be an https:// URL")),
        (("r1",), {"GITHUB_API_URL": "http://127.0.0.1:1"}, (69, "GitHub: Connection refused")),
    ],
)
@pytest.mark.usefixtures("_pull_request")
def test_each_failure_is_one_line_with_its_exit_code(
    command: Command,
    actions: dict[str, str],
    arguments: tuple[str, ...],
    env: dict[str, str],
    expected: tuple[int, str],
) -> None:
    code, line = expected
    done = command("comment", *arguments, **(actions | env))
    assert done.returncode == code
    assert done.stderr.startswith(f"testfleet: {line}")
    assert done.stderr.count("\n") == 1
    assert "good" not in done.stderr


def test_a_forge_that_limits_the_rate_for_long_is_unavailable(
    command: Command, server: Receiver, actions: dict[str, str], execute: Any
) -> None:
    execute(ROWS, run_id="r1")
    server.answer = lambda _: Response(403, {"message": "secondary rate limit"}, {"retry-after": "900"})
    done = command("comment", "r1", **actions)
    assert done.returncode == 69
    assert "limits the rate of requests: secondary rate limit; try again later" in done.stderr
