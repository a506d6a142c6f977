"""`testfleet rebuild-summaries` and `testfleet retain` as processes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support.folded_runs import Past


@pytest.fixture
def old_run(database_url: str) -> str:
    """A run of 200 days ago whose month has a partition."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        past = Past(connection, at=datetime.now(UTC) - timedelta(days=200))
        run_id = past.add({"pays": "f", "finds": "p"}, branch="fix")
        connection.execute("SELECT ensure_partitions()")
        return run_id


def test_retain_prints_what_it_drops(command: Any, old_run: str, database_url: str) -> None:
    """A dry run prints the same with another verb, and a second run finds nothing."""
    dry = command("retain", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    lines = dry.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("would drop the cases before ")
    assert lines[1].startswith("would drop the summaries of 1 branches without a run since ")
    done = command("retain")
    assert done.stdout == dry.stdout.replace("would drop", "dropped")
    assert command("retain").stdout == "nothing is old enough\n"
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT run_id, total, failed FROM test_runs").fetchall() == [(old_run, 2, 1)]
        assert connection.execute("SELECT count(*) FROM run_failures").fetchone() == (1,)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--cases", "90"), "--cases: must be a number of days or years, such as 90d or 2y"),
        (("--runs", "0d"), "--runs: must be a number of days or years, such as 90d or 2y"),
        (("--cases", "13d"), "--cases: must be at least 14d"),
        (("--runs", "30d"), "--runs: must be as long as --cases or longer"),
    ],
)
def test_a_wrong_age_is_rejected_in_one_line(command: Any, options: tuple[str, str], line: str) -> None:
    """Nothing is dropped."""
    done = command("retain", *options)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == f"testfleet: {line}\n"


def test_rebuild_summaries_prints_each_suite(command: Any, old_run: str) -> None:
    """It names an unknown suite, and the day up to which cases were dropped."""
    assert command("rebuild-summaries").stdout == "checkout: 1 runs\n"
    unknown = command("rebuild-summaries", "--suite", "nightly")
    assert (unknown.returncode, unknown.stderr) == (64, "testfleet: --suite: no run of suite nightly has a verdict\n")
    command("retain")
    refused = command("rebuild-summaries")
    assert refused.returncode == 64
    assert "were dropped, so the summaries would forget them; pass --forget to accept that" in refused.stderr
    assert old_run
