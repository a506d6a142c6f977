"""Notices by `testfleet sweep` and `testfleet notices` as processes."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command
from tests.support.receiver import Receiver, Response, receiving

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def notices(receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    """The settings of a webhook and a chat."""
    (tmp_path / "notices.toml").write_text(
        f"""
        [targets.ci]
        kind = "webhook"
        url = "{receiver.url}/ci"
        secret = "env:CI_SECRET"

        [targets.chat]
        kind = "slack"
        url = "env:CHAT_URL"
        statuses = ["failed"]
        """
    )
    return {"TESTFLEET_NOTICES": "notices.toml", "CI_SECRET": SECRET, "CHAT_URL": f"{receiver.url}/chat"}


@pytest.fixture
def finish(execute: Callable[..., None]) -> Callable[..., None]:
    def run(run_id: str, status: str) -> None:
        execute(
            "INSERT INTO test_runs (run_id, suite, status, total, passed, started_at, finished_at) "
            "VALUES (%(run_id)s, 'shop', %(status)s, 3, 3, now(), now())",
            run_id=run_id,
            status=status,
        )
        execute("SELECT add_run_notices(%(run_id)s)", run_id=run_id)

    return run


def test_a_sweep_sends_notices_and_reports_a_failing_target(
    command: Command, notices: dict[str, str], receiver: Receiver, finish: Any
) -> None:
    assert command("sweep", **notices).returncode == 0
    finish("r1", "passed")
    finish("r2", "failed")
    receiver.answer = lambda request: Response(500 if request.path == "/chat" else 204)
    done = command("sweep", "--json", **notices)
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert done.stderr == "testfleet: notices: chat: status 500\n"
    assert sorted(one.path for one in receiver.requests) == ["/chat", "/ci", "/ci"]
    listed = json.loads(command("notices", "list", "--json").stdout)
    assert [(one["target"], one["waiting"], one["sent"]) for one in listed["targets"]] == [("chat", 1, 0), ("ci", 0, 2)]
    assert "status 500" in command("notices", "list").stdout
    receiver.answer = lambda _: Response()
    assert command("notices", "retry", "chat").stdout == "0 notices wait again\n"
    assert command("notices", "send", **notices).stdout == "chat: 1 sent\nci: 0 sent\n"


def test_the_shape_of_slack_has_the_sentence_and_no_markup_of_a_run(
    command: Command, notices: dict[str, str], receiver: Receiver, finish: Any
) -> None:
    env = notices | {"TESTFLEET_RUN_URL": "https://fleet.example.com/?run={run_id}"}
    command("notices", "send", **env)
    finish("<!channel>", "failed")
    assert command("notices", "send", **env).returncode == 0
    (chat,) = [one for one in receiver.requests if one.path == "/chat"]
    assert chat.json["text"] == ":x: shop failed: 3 passed"
    assert "<https://fleet.example.com/?run=%3C%21channel%3E|Open the run>" in json.dumps(chat.json)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[targets.a]\nkind = 'fax'", "testfleet: TESTFLEET_NOTICES: n.toml: targets.a: Input tag 'fax'"),
        ("[targets.a]\nkind = 'slack'\nurl = 'http://example.com'", "targets.a.slack.url: must be an https:// URL"),
        ("[targets.a]\nkind = 'webhook'\nurl = 'env:A'\nsecret = 'whsec_x'", "no secret stands in this file"),
        (
            "[targets.a]\nkind = 'slack'\nurl = 'env:A'\nevents = ['run.done']",
            "'run.done' matches none of run.finished",
        ),
        ("targets = 1", "testfleet: TESTFLEET_NOTICES: n.toml: targets: "),
        ("[", "testfleet: TESTFLEET_NOTICES: n.toml: must be TOML"),
    ],
)
def test_a_wrong_file_of_targets_is_one_line(command: Command, tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "n.toml").write_text(text)
    done = command("sweep", TESTFLEET_NOTICES="n.toml")
    assert done.returncode == 78
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_commands_say_what_is_missing(command: Command) -> None:
    assert command("notices", "send").stderr.startswith("testfleet: TESTFLEET_NOTICES: is required by this command")
    assert command("sweep", TESTFLEET_NOTICES="none.toml").stderr.endswith(
        "cannot be read: No such file or directory\n"
    )
    assert "set TESTFLEET_NOTICES" in command("notices", "list").stderr
