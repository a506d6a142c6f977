"""Bad input of each kind: one clear line, the exit code as designed, and nothing lost."""

from functools import partial
from typing import Any

import pytest

from handoff.records import Committed, InvalidJob, JobRecord, Receipt
from handoff.volume import read
from runtime.stop import Stop
from tests.support.worker_pod import Pod, Script
from worker import app

SHARD = 'shard: must be "i/n" with 1 <= i <= n <= 1000'
QUEUE = "must be the http:// or https:// URL of a queue"
FOLDER = "must be an existing, writable folder"
DURATION = 'must be seconds, or a duration such as "90s", "30m", "1h30m" or "1d", above 0, at most 11h'
INSIDE = "must be a path relative to the catalog's folder and inside it"
WORDS = "must be a list of strings without NUL, never one shell line"


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"suite": None}, "invalid_message", "suite: is required"),
        ({"suite": "chekout"}, "unknown_suite", "suite: must be one of checkout"),
        ({"shard": "3/2"}, "invalid_message", SHARD),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_message_that_can_never_succeed_is_dead_with_its_reason(
    fields: dict[str, Any], reason: str, detail: str, pod: Pod
) -> None:
    """The run is recorded first, then the message goes to the dead-letter queue; the Job succeeds."""
    body = pod.send(**fields)
    assert pod.run(Script(receipt=Receipt(Committed(status="errored")))) == 0
    assert pod.is_empty()
    assert pod.dead() == [(body, reason, detail)]
    record = read(pod.handoff, JobRecord)
    assert record is not None
    invalid = record.root
    assert isinstance(invalid, InvalidJob)
    assert (invalid.run_id, invalid.reason, invalid.detail) == ("r-42", reason, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("not JSON", "body: must be a JSON object"),
        ('{"runId": "a/b", "suite": "checkout"}', "runId: must be 1 to 128 characters of A-Z a-z 0-9 . _ -"),
    ],
)
def test_a_message_that_names_no_run_is_dead_without_the_reporter(body: str, detail: str, pod: Pod) -> None:
    """There is no run that could be recorded, and no wait for a receipt."""
    pod.send(body)
    assert pod.run(Script(receipt=None)) == 0
    assert pod.is_empty()
    assert pod.dead() == [(body, "invalid_message", detail)]
    assert not list(pod.handoff.iterdir())


def test_a_rejected_run_that_cannot_be_recorded_comes_back(pod: Pod) -> None:
    """Without the message, the run would never end."""
    pod.send(shard="3/2")
    assert pod.run(Script(receipt=None), WORKER_RECEIPT_TIMEOUT="1") == 75
    assert pod.waiting() == 1
    assert pod.dead() == []


def test_unknown_fields_are_ignored_and_logged(pod: Pod) -> None:
    """A newer sender does not break an older worker."""
    pod.send(mood="sunny")
    worker = pod.start()
    assert worker.wait() == 0
    assert [line["fields"] for line in worker.log if line["event"] == "unknown_fields_ignored"] == [["mood"]]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WORKER_QUEUE_URL", "", "is required"),
        ("WORKER_QUEUE_URL", "test-jobs", QUEUE),
        ("WORKER_QUEUE_URL", "http://host:port/q", QUEUE),
        ("WORKER_DEAD_LETTER_QUEUE_URL", "", "is required"),
        ("WORKER_DEAD_LETTER_QUEUE_URL", "ftp://host/q", QUEUE),
        ("WORKER_DEAD_LETTER_QUEUE_URL", "WORKER_QUEUE_URL", "must be another queue than WORKER_QUEUE_URL"),
        ("WORKER_CATALOG", "", "is required"),
        ("WORKER_CATALOG", "/no/such.toml", "must be an existing file"),
        ("WORKER_VISIBILITY_TIMEOUT", "0", "Input should be greater than or equal to 1"),
        ("WORKER_VISIBILITY_TIMEOUT", "3601", "Input should be less than or equal to 3600"),
        ("WORKER_VISIBILITY_TIMEOUT", "2m", "Input should be a valid integer, unable to parse string as an integer"),
        ("WORKER_RECEIVE_WAIT", "-1", "Input should be greater than or equal to 0"),
        ("WORKER_BASE_URL", "shop.example.com", "must be an http:// or https:// URL with a host"),
        ("WORKER_SUITE_SANDBOX", "on", "Input should be 'landlock' or 'off'"),
        ("WORKER_STOP_GRACE", "-1", "Input should be greater than or equal to 0"),
        ("WORKER_RECEIPT_TIMEOUT", "0", "Input should be greater than or equal to 1"),
        ("HANDOFF_DIR", "/no/such", FOLDER),
        ("ARTIFACTS_DIR", "/no/such", FOLDER),
        ("LOG_LEVEL", "loud", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "Input should be 'json' or 'console'"),
        ("AWS_ENDPOINT_URL", "nowhere", "must be an http:// or https:// URL"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_received(
    name: str,
    value: str,
    allowed: str,
    *,
    pod: Pod,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line on stderr names the setting, and the message stays on the queue."""
    pod.send()
    _set(monkeypatch, pod, {name: pod.env.get(value, value)})
    for start in (partial(app.main, Stop()), app.check):
        assert start() == 78
        assert capsys.readouterr().err == f"worker: {name}: {allowed}\n"
    assert pod.waiting() == 1


def test_no_region_is_named(pod: Pod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The SDK's own chain has none either."""
    _set(monkeypatch, pod, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_CONFIG_FILE": "/no/such"})
    assert app.main(Stop()) == 78
    assert capsys.readouterr().err == "worker: AWS_REGION: is required\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("runner = 3", "runner: must be one of playwright, k6, newman, pytest, command"),
        ('runner = "cypress"', "runner: must be one of playwright, k6, newman, pytest, command"),
        ("runner", "runner: is required"),
        ('runner = "pytest"', 'command: is allowed only with runner = "command"'),
        ("path", "path: is required"),
        ("path = 3", f"path: {INSIDE}"),
        ('path = ""', f"path: {INSIDE}"),
        ('path = "/etc"', f"path: {INSIDE}"),
        ('path = "a/../../b"', f"path: {INSIDE}"),
        ('path = "outside"', f"path: {INSIDE}"),
        ('path = "a\\u0000b"', f"path: {INSIDE}"),
        ("timeout", "timeout: is required"),
        ("timeout = true", f"timeout: {DURATION}"),
        ("timeout = 0", f"timeout: {DURATION}"),
        ("timeout = nan", f"timeout: {DURATION}"),
        (f"timeout = 1{'0' * 400}", f"timeout: {DURATION}"),
        ('timeout = ""', f"timeout: {DURATION}"),
        ('timeout = "0s"', f"timeout: {DURATION}"),
        ('timeout = "5 minutes"', f"timeout: {DURATION}"),
        ('timeout = "11h1s"', f"timeout: {DURATION}"),
        ("secret = 3", "secret: must be the id of a secret, 1 to 1024 bytes of UTF-8"),
        ('secret = ""', "secret: must be the id of a secret, 1 to 1024 bytes of UTF-8"),
        ('args = "--all"', f"args: {WORDS}"),
        ("args = [1]", f"args: {WORDS}"),
        ("command", 'command: is required with runner = "command"'),
        ('command = "./run.sh --all"', f"command: {WORDS}"),
        ("command = []", "command: must name a program: an argv, a list of strings"),
        ('command = [""]', "command: must name a program: an argv, a list of strings"),
        ("env = []", "env: must be a table of strings"),
        ("env = { A = 1 }", "env.A: must be a string without NUL"),
        ('env = { "A-B" = "1" }', "env.A-B: the name must be of A-Z a-z 0-9 _, with no leading digit"),
        (r'env = { "A\nB" = "1" }', "env.A B: the name must be of A-Z a-z 0-9 _, with no leading digit"),
        (
            "tiemout = 3",
            (
                "tiemout: is unknown; "
                "allowed: runner, path, timeout, secret, args, command, failed_exit_codes, owner, owners, env"
            ),
        ),
    ],
)
def test_a_wrong_field_of_the_catalog_is_named_and_nothing_is_received(
    line: str, expected: str, pod: Pod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole catalog is checked before anything starts, so that a typo never waits for its suite's turn."""
    lines = {"runner": '"command"', "path": '"."', "timeout": '"1m"', "command": '["true"]'}
    key, _, value = (part.strip() for part in line.partition("="))
    lines = {name: text for name, text in (lines | {key: value}).items() if text}
    (pod.suites / "outside").symlink_to("/etc")
    _write_catalog(pod, "[suites.checkout]\n" + "".join(f"{name} = {text}\n" for name, text in lines.items()))
    pod.send()
    _set(monkeypatch, pod, {})
    assert app.main(Stop()) == 78
    assert capsys.readouterr().err == f"worker: suites.checkout.{expected}\n"
    assert pod.waiting() == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "suites: must hold at least one table [suites.NAME]"),
        ("[suites]", "suites: must hold at least one table [suites.NAME]"),
        ("suites = 3", "suites: must hold at least one table [suites.NAME]"),
        ("[suites]\ncheckout = 3", "suites.checkout: must be a table"),
        ('[suites.""]', "suites: a suite's name must be 1 to 1024 bytes of UTF-8 without control characters"),
        ("[suite.checkout]", "suite: is unknown; allowed: suites"),
        ('[suites."[key]"]', "suites.[key].runner: is required"),
        (f"suites = {'[' * 5000}", "WORKER_CATALOG: must be TOML in UTF-8: maximum recursion depth exceeded"),
        ("[suites", "WORKER_CATALOG: must be TOML in UTF-8: Expected ']' at the end of a table declaration"),
        ("# \udcff", "WORKER_CATALOG: must be TOML in UTF-8: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_file_that_is_no_catalog_is_named(
    content: str, expected: str, pod: Pod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any wrong content is one line."""
    _write_catalog(pod, content)
    _set(monkeypatch, pod, {})
    assert app.main(Stop()) == 78
    line = capsys.readouterr().err
    assert line.startswith(f"worker: {expected}")
    assert line.count("\n") == 1


def test_a_missing_queue_is_a_wrong_setting(pod: Pod) -> None:
    """Only the receive reveals it. The worker exits with 78, and no Job is retried."""
    worker = pod.start(WORKER_QUEUE_URL=pod.aws.queue_url + "-no-such")
    assert worker.wait() == 78
    assert worker.errors.startswith("worker: WORKER_QUEUE_URL: ")
    assert worker.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (Script(admission="{"), "admission.json: Invalid JSON"),
        (Script(receipt="[]"), "receipt.json: "),
        (Script(receipt='{"version": 1, "result": "committed", "status": 1}'), "receipt.json.committed.status: "),
    ],
)
def test_a_handoff_file_that_is_no_record_brings_the_message_back(script: Script, expected: str, pod: Pod) -> None:
    """The reporter's answer is unknown, so the message is not acknowledged."""
    pod.send()
    worker = pod.start(script)
    assert worker.wait() == 75
    lines = [line["detail"] for line in worker.log if line["event"] == "handoff_unreadable"]
    assert len(lines) == 1
    assert lines[0].startswith(expected)
    assert pod.waiting() == 1


def test_a_bad_receipt_during_the_suite_stops_it(pod: Pod) -> None:
    """A receipt during the suite means that the shard is lost: going on could run it twice."""
    pod.suite('touch "$ARTIFACTS_DIR/started"; sleep 600')
    pod.send()
    assert pod.run(Script(receipt="{", receipt_after_outcome=False)) == 75
    assert pod.waiting() == 1


def _set(monkeypatch: pytest.MonkeyPatch, pod: Pod, settings: dict[str, str]) -> None:
    for name, value in (pod.env | settings).items():
        monkeypatch.setenv(name, value)


def _write_catalog(pod: Pod, content: str) -> None:
    (pod.suites / "catalog.toml").write_text(content, encoding="utf-8", errors="surrogateescape")
