"""Start-up of the command: errors of arguments and settings, help, version."""

import os
import subprocess
import sys
from importlib import import_module

import pytest
import typer

from testfleet import __main__ as program
from testfleet.cli import mcp as mcp_command
from testfleet.cli.app import COMMANDS
from testfleet.cli.dlq.app import COMMANDS as DLQ_COMMANDS
from testfleet.cli.group import Entry
from testfleet.cli.quarantine.app import COMMANDS as QUARANTINE_COMMANDS
from testfleet.local.samples import tools


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TESTFLEET_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


DATABASE = {"TESTFLEET_DATABASE_URL": "postgresql://localhost/x"}
QUEUE = {"TESTFLEET_QUEUE_URL": "http://localhost/q"}


@pytest.mark.parametrize(
    ("arguments", "env", "code", "line"),
    [
        ("", {}, 64, "Missing command; run: testfleet --help"),
        ("nonsense", {}, 64, "No such command 'nonsense'."),
        ("dlq", {}, 64, "Missing command; run: testfleet dlq --help"),
        ("quarantine", {}, 64, "Missing command; run: testfleet quarantine --help"),
        ("quarantine add a --suite s --owner o --until 1d", {}, 64, "Missing option '--reason'."),
        ("quarantine list", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("enqueue", {}, 64, "Missing argument 'SUITE'."),
        ("enqueue a --bogus", {}, 64, "No such option: --bogus"),
        ("enqueue a --shards x", {}, 64, "Invalid value for '--shards':"),
        ("enqueue a --shards 0", {}, 64, "--shards: must be 1 to 1000"),
        ("enqueue a --param x", {}, 64, "--param: must be NAME=VALUE"),
        ("enqueue a --timeout 5x", {}, 64, "--timeout: must be seconds, or a duration such as"),
        ("enqueue a --run-id ü", {}, 64, "--run-id: must be"),
        ("wait r1 --timeout soon", {}, 64, "--timeout: must be seconds, or a duration such as"),
        ("wait r/1", {}, 64, "RUN_ID: must be 1 to 128 characters"),
        ("show r/1", {}, 64, "RUN_ID: must be 1 to 128 characters"),
        ("compare r1", {}, 64, "Missing argument 'RUN_B'."),
        ("compare r1 r/2", {}, 64, "RUN_B: must be 1 to 128 characters"),
        ("regressions r/1", {}, 64, "RUN_ID: must be 1 to 128 characters"),
        ("regressions -", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("causes r/1", {}, 64, "RUN_ID: must be 1 to 128 characters"),
        ("causes --order x", {}, 64, "Invalid value for '--order':"),
        ("causes", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("trends", {}, 64, "Missing argument 'SUITE'."),
        ("trends shop --days 0", {}, 64, "Invalid value for '--days':"),
        ("trends shop", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("mcp", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("history", {}, 64, "Missing argument 'CASE'."),
        ("history pays", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("flaky --limit 0", {}, 64, "Invalid value for '--limit':"),
        ("flaky --state green", {}, 64, "Invalid value for '--state':"),
        ("flaky", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("runs --status green", {}, 64, "Invalid value for '--status':"),
        ("runs --limit 0", {}, 64, "Invalid value for '--limit':"),
        ("ingest --run-id r --suite s", {}, 64, "Missing argument 'PATH...'."),
        ("ingest x --suite s", {}, 64, "Missing option '--run-id'."),
        ("ingest x --run-id r", {}, 64, "Missing option '--suite'."),
        ("migrate", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("cancel r/1", {}, 64, "RUN_ID: must be 1 to 128 characters"),
        ("cancel r1", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("dlq redrive", {}, 64, "MESSAGE_ID: give exactly one of MESSAGE_ID, --run and --all"),
        ("dlq drop m-1 --run r1", {}, 64, "MESSAGE_ID: give exactly one of MESSAGE_ID, --run and --all"),
        ("dlq list --limit 0", {}, 64, "Invalid value for '--limit':"),
        ("dlq list", {}, 78, "TESTFLEET_DEAD_LETTER_QUEUE_URL: is required by this command"),
        ("dlq redrive --all", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("sweep --older-than soon", {}, 64, "--older-than: must be seconds, or a duration such as"),
        ("sweep", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("sweep", DATABASE, 78, "TESTFLEET_DEAD_LETTER_QUEUE_URL: is required by this command"),
        ("wait r1", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("runs", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("show r1", {}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("enqueue a", {}, 78, "TESTFLEET_QUEUE_URL: is required by this command"),
        ("enqueue a --wait", QUEUE | {"AWS_REGION": "x"}, 78, "TESTFLEET_DATABASE_URL: is required by this command"),
        ("enqueue a", QUEUE, 78, "AWS_REGION: is required by this command"),
        ("ingest . --run-id r --suite s", DATABASE, 78, "TESTFLEET_BUCKET: is required by this command"),
        ("runs", {"TESTFLEET_DATABASE_URL": "mysql://u:secret@h/x"}, 78, "TESTFLEET_DATABASE_URL: must be a postgr"),
        ("runs", {"TESTFLEET_DATABASE_URL": "postgresql://u:secret@a b/x"}, 78, "TESTFLEET_DATABASE_URL: must be"),
        ("runs", DATABASE | {"TESTFLEET_DATABASE_AUTH": "iam"}, 78, "TESTFLEET_DATABASE_URL: must name host and user"),
        ("runs", {"TESTFLEET_DATABASE_AUTH": "kerberos"}, 78, "TESTFLEET_DATABASE_AUTH: Input should be 'password' or"),
        ("enqueue a", {"TESTFLEET_QUEUE_URL": "test-jobs"}, 78, "TESTFLEET_QUEUE_URL: must be the http:// or https://"),
        ("runs", {"TESTFLEET_DEAD_LETTER_QUEUE_URL": "x"}, 78, "TESTFLEET_DEAD_LETTER_QUEUE_URL: must be the http:"),
    ],
)
def test_a_wrong_argument_or_setting_is_one_line_and_an_exit_code(
    arguments: str,
    env: dict[str, str],
    *,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """stdout stays empty, and no value of a setting is printed. No system is contacted."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["testfleet", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        program.main()
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (code, "")
    assert err.startswith(f"testfleet: {line}")
    assert err.count("\n") == 1
    assert "secret" not in err


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", *(f"{name} --help" for name in COMMANDS), "dlq list --help"],
)
def test_help_and_version_import_no_heavy_library(arguments: str) -> None:
    """They would take most of a second."""
    check = (
        f"import sys; sys.argv = ['testfleet', *{arguments.split()}]\n"
        "from testfleet.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as left: assert left.code == 0\n"
        "heavy = {'boto3', 'psycopg', 'pydantic', 'rich', 'moto', 'asyncpg', 'mcp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("Usage: ", "testfleet "))


@pytest.mark.parametrize(
    "entry",
    [*COMMANDS.values(), *DLQ_COMMANDS.values(), *QUARANTINE_COMMANDS.values()],
    ids=[
        *COMMANDS,
        *(f"dlq {name}" for name in DLQ_COMMANDS),
        *(f"quarantine {name}" for name in QUARANTINE_COMMANDS),
    ],
)
def test_the_summary_in_the_help_of_the_group_begins_the_help_of_the_command(entry: Entry) -> None:
    """The table of commands repeats it."""
    module, _, name = entry.place.partition(":")
    target = getattr(import_module(module), name)
    text = target.info.help if isinstance(target, typer.Typer) else target.__doc__
    assert str(text).startswith(entry.summary.removesuffix("."))


def test_a_bug_of_the_command_is_never_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code for a traceback is 1, which a pipeline reads as failed tests."""

    def broken(**_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(program, "app", broken)
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 70
    assert "RuntimeError: broken" in capsys.readouterr().err


def test_mcp_without_its_sdk_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Few users of the command need it."""
    monkeypatch.setattr(mcp_command, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["testfleet", "mcp"])
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 78
    line = "testfleet: mcp: the package mcp is not installed; run: pip install 'testfleet[mcp]'\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("name", ["up", "demo"])
def test_a_missing_extra_is_one_line_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster needs none of these packages."""

    monkeypatch.setattr(tools, "find_spec", lambda package: None if package == "moto" else object())
    monkeypatch.setattr(sys, "argv", ["testfleet", name])
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 78
    line = f"testfleet: {name}: moto is not installed; run: pip install 'testfleet[local]'\n"
    assert capsys.readouterr().err == line
