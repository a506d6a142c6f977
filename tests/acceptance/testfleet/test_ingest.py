"""`testfleet ingest` through the real reporter."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

CASE = '<testcase classname="shop.cart" name="{name}" time="1.5">{inside}</testcase>'
GREEN = CASE.format(name="adds", inside="")
RED = CASE.format(name="pays", inside='<failure message="got 500">assert 500 == 200</failure>')


def put(path: Path, *cases: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<testsuites><testsuite name="shop">{"".join(cases)}</testsuite></testsuites>')
    return path


@pytest.fixture
def shown(command: Any) -> Callable[[str], Any]:
    """Returns a run with its rows, as `show --json` prints it."""

    def read(run_id: str) -> Any:
        return json.loads(command("show", run_id, "--json").stdout)

    return read


def test_a_report_is_stored_in_the_tables_and_the_bucket(
    command: Any, shown: Callable[[str], Any], aws: Any, tmp_path: Path
) -> None:
    """The rows are those of a fleet. A failed run is stored, too."""
    report = put(tmp_path / "report.xml", GREEN, RED)
    done = command("ingest", str(report), "--run-id", "r1", "--suite", "shop", "--commit", "abc", "--branch", "main")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("r1 shop: failed in ")
    assert "1 of 1 shards · 2 cases: 1 passed, 1 failed" in done.stdout
    assert "FAILED shop.cart.pays (1.5 s · new case)" in done.stdout
    detail = shown("r1")
    run = detail["run"]
    assert (run["status"], run["commit"], run["branch"], run["trigger"]) == ("failed", "abc", "main", "ingest")
    (file,) = detail["artifacts"]
    assert file["s3_uri"] == f"s3://{aws.bucket}/r1/1/1/junit/report.xml"
    body = aws.client("s3").get_object(Bucket=aws.bucket, Key="r1/1/1/junit/report.xml")["Body"].read()
    assert body == report.read_bytes()


def test_a_second_ingest_of_a_run_changes_nothing(command: Any, shown: Callable[[str], Any], tmp_path: Path) -> None:
    """A repeated step of a pipeline keeps the verdict, even with other files."""
    arguments = ("ingest", str(put(tmp_path / "report.xml", GREEN)), "--run-id", "r1", "--suite", "shop")
    assert command(*arguments).returncode == 0
    before = shown("r1")
    put(tmp_path / "report.xml", RED)
    again = command(*arguments)
    assert again.returncode == 0
    assert "testfleet: r1 was complete already; nothing was changed\n" in again.stderr
    assert again.stdout.startswith("r1 shop: passed in ")
    assert shown("r1") == before


def test_several_folders_and_files_are_one_run(command: Any, shown: Callable[[str], Any], tmp_path: Path) -> None:
    """Equal names of cases in different files stay apart. Other XML is ignored with a line on stderr."""
    put(tmp_path / "one" / "junit.xml", GREEN)
    put(tmp_path / "two" / "deep" / "junit.xml", GREEN, RED)
    (tmp_path / "two" / "coverage.xml").write_text("<coverage/>")
    done = command("ingest", "one/junit.xml", "two", "--run-id", "r1", "--suite", "shop")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "testfleet: two/coverage.xml: ignored: it is no JUnit XML\n"
    run = shown("r1")["run"]
    assert (run["total"], run["passed"], run["failed"]) == (3, 2, 1)


def test_a_report_without_cases_is_no_verdict(command: Any, shown: Callable[[str], Any], tmp_path: Path) -> None:
    """A run without a case cannot pass."""
    done = command("ingest", str(put(tmp_path / "report.xml")), "--run-id", "r1", "--suite", "shop")
    assert done.returncode == 2
    assert done.stdout.startswith("r1 shop: errored in ")
    assert shown("r1")["run"]["status"] == "errored"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (None, 64, "PATH: report.xml: must be an existing file or folder"),
        ("<testsuite><testcase", 65, "report.xml: must be well-formed XML"),
        ("<coverage/>", 65, "report.xml: must be JUnit XML"),
    ],
    ids=["missing", "broken", "foreign"],
)
def test_a_wrong_file_is_refused_before_a_row_is_written(
    text: str | None, code: int, line: str, *, command: Any, tmp_path: Path
) -> None:
    """The run id remains usable for the right file."""
    if text is not None:
        (tmp_path / "report.xml").write_text(text)
    done = command("ingest", "report.xml", "--run-id", "r1", "--suite", "shop")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"testfleet: {line}")
    assert done.stderr.count("\n") == 1
    assert command("show", "r1").returncode == 64


@pytest.mark.parametrize(
    ("suite", "shards", "line"),
    [("other", 1, "--suite: run r1 is of suite other, not shop"), ("shop", 2, "--run-id: ")],
    ids=["suite", "shards"],
)
def test_a_run_id_of_another_run_is_refused(
    suite: str, shards: int, line: str, *, command: Any, execute: Callable[..., None], tmp_path: Path
) -> None:
    """A run has one suite and a fixed number of shards."""
    execute(
        "INSERT INTO test_runs (run_id, suite, status, shards) VALUES ('r1', %(suite)s, 'queued', %(shards)s)",
        suite=suite,
        shards=shards,
    )
    done = command("ingest", str(put(tmp_path / "report.xml", GREEN)), "--run-id", "r1", "--suite", "shop")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith(f"testfleet: {line}")


@pytest.mark.parametrize(
    ("env", "code", "line"),
    [
        ({"TESTFLEET_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, {69}, "testfleet: database: "),
        ({"TESTFLEET_BUCKET": "no-such-bucket-of-ours"}, {69}, "testfleet: reporter: "),
        ({"TESTFLEET_BUCKET": "Not A Bucket"}, {78}, "testfleet: TESTFLEET_BUCKET: must be a bucket's name"),
    ],
    ids=["database", "bucket", "bucket's name"],
)
def test_an_unreachable_or_wrong_system_is_named_by_the_commands_setting(
    env: dict[str, str], code: set[int], line: str, *, command: Any, tmp_path: Path
) -> None:
    """The reporter uses other names for the settings."""
    report = put(tmp_path / "report.xml", GREEN)
    done = command("ingest", str(report), "--run-id", "r1", "--suite", "shop", **env)
    assert done.returncode in code
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.stderr.startswith(line)


def test_a_folder_named_reporter_in_the_working_directory_is_not_run(command: Any, tmp_path: Path) -> None:
    """Python puts the working directory on the module path."""
    (tmp_path / "reporter").mkdir()
    (tmp_path / "reporter" / "__init__.py").write_text("raise SystemExit(99)")
    put(tmp_path / "report.xml", GREEN)
    done = command("ingest", "report.xml", "--run-id", "r1", "--suite", "shop")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_ingest_leaves_no_process(
    sign: signal.Signals, code: int, start: Any, database_url: str, tmp_path: Path
) -> None:
    """The signal arrives while the reporter waits for its claim."""
    report = put(tmp_path / "report.xml", GREEN)
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE test_shards")
        process = start("ingest", str(report), "--run-id", "r1", "--suite", "shop", stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 60
            while not _waits_for_the_lock(other):
                assert time.monotonic() < deadline
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            process.send_signal(sign)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    assert not psutil.wait_procs(children, timeout=30)[1]


def _waits_for_the_lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'test_shards'::regclass)"
    ).fetchone()
    return bool(row and row[0])
