"""`testfleet seed-history` as a process."""

import json
import re
from pathlib import Path
from typing import Any

SMALL = ("seed-history", "--days", "3", "--suites", "2", "--runs-per-day", "8")


def test_it_writes_runs_and_labels_and_prints_how_to_repeat_it(command: Any, tmp_path: Path) -> None:
    done = command(*SMALL, "--seed", "7", "--end", "2026-11-01T00:00:00Z", "--labels", "labels.json")
    assert done.returncode == 0, done.stderr
    written = re.match(
        r"(\d+) runs with (\d+) cases written in \d+ s; the same again: "
        r"--seed 7 --days 3 --suites 2 --runs-per-day 8 --end 2026-11-01T00:00:00\+00:00\n",
        done.stdout,
    )
    assert written, done.stdout
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert labels["seed"] == 7
    listed = json.loads(command("runs", "--limit", "1000", "--json").stdout)
    assert len(listed) == int(written[1])
    assert all(run["run_id"].startswith("seed-7-") for run in listed)


def test_it_refuses_a_second_history_of_the_same_seed(command: Any) -> None:
    assert command(*SMALL).returncode == 0
    again = command(*SMALL)
    assert again.returncode == 64
    assert "--seed: the database already holds the history of seed 1" in again.stderr


def test_a_wrong_end_and_a_missing_folder_are_one_line(command: Any) -> None:
    for option, value, line in (
        ("--end", "tomorrow", "--end: must be a time such as 2026-11-01T00:00:00Z"),
        ("--labels", "missing/labels.json", "--labels: missing/labels.json: No such file or directory"),
    ):
        done = command(*SMALL, option, value)
        assert done.returncode == 64
        assert done.stderr.splitlines() == [f"testfleet: {line}"]
