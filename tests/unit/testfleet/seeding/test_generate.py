"""A generated history: it repeats, and it looks like the history of a real team."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from statistics import median

import pytest

from testfleet.seeding.generate import History, generate
from testfleet.seeding.values import Scale

PRINT = (
    "import hashlib; from datetime import UTC, datetime;"
    "from testfleet.seeding.generate import generate; from testfleet.seeding.values import Scale;"
    "print(hashlib.sha256(repr(generate(5, Scale(6, 3, 12), datetime(2026, 11, 1, tzinfo=UTC))).encode()).hexdigest())"
)


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_same_seed_gives_the_same_history_in_every_process(hash_seed: str, end: datetime) -> None:
    here = hashlib.sha256(repr(generate(5, Scale(6, 3, 12), end)).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    there = subprocess.run([sys.executable, "-c", PRINT], check=True, capture_output=True, text=True, env=environment)
    assert there.stdout.strip() == here


def test_another_seed_gives_another_history(end: datetime) -> None:
    scale = Scale(6, 3, 12)
    assert generate(5, scale, end).runs != generate(6, scale, end).runs


def test_no_run_ends_after_the_end(end: datetime) -> None:
    assert max(run.finished_at for run in generate(5, Scale(6, 3, 12), end).runs) < end


@pytest.mark.parametrize("small", [Scale(1, 1, 1), Scale(3, 12, 2), Scale(2, 2, 100), Scale(20, 1, 3)], ids=str)
def test_every_scale_gives_a_history(small: Scale, end: datetime) -> None:
    runs = generate(1, small, end).runs
    assert len({run.suite.name for run in runs}) <= small.suites
    assert all(run.cases or run.status != "passed" for run in runs)


def test_the_number_of_runs_is_about_the_wanted_one(history: History, scale: Scale) -> None:
    assert len(history.runs) == pytest.approx(scale.days * scale.runs_per_day, rel=0.1)


def test_run_ids_are_marked_and_unique(history: History) -> None:
    ids = [run.run_id for run in history.runs]
    assert len(set(ids)) == len(ids)
    assert all(run_id.startswith("seed-4-") for run_id in ids)


def test_a_believable_share_of_the_runs_passes(history: History) -> None:
    share = Counter(run.status for run in history.runs)
    assert 0.6 < share["passed"] / share.total() < 0.92
    assert 0 < share["errored"] / share.total() < 0.08
    assert 0 < share["cancelled"] / share.total() < 0.02
    cases = Counter(case.status for run in history.runs for case in run.cases)
    assert 0.93 < cases["passed"] / cases.total() < 0.995
    assert cases["skipped"] > 0


def test_most_runs_start_in_working_hours(history: History) -> None:
    days = Counter(run.started_at.weekday() for run in history.runs)
    assert max(days[5], days[6]) < min(days[day] for day in range(5)) / 2
    assert sum(7 <= run.started_at.hour < 19 for run in history.runs) > len(history.runs) / 2


def test_both_branches_and_pull_requests_are_tested(history: History) -> None:
    on_main = sum(run.commit.branch == "main" for run in history.runs)
    assert 0.3 < on_main / len(history.runs) < 0.8
    assert all(run.commit.pull_request for run in history.runs if run.commit.branch != "main")


def test_every_commit_has_a_parent_that_is_older(history: History) -> None:
    commits = {run.commit.sha: run.commit for run in history.runs}
    known = [(commit, commits[commit.parent]) for commit in commits.values() if commit.parent in commits]
    assert len(known) > len(commits) / 3
    assert all(parent.at <= commit.at for commit, parent in known)


def test_a_repeated_run_tests_the_same_commit_after_a_run_that_did_not_pass(history: History) -> None:
    runs = {run.run_id: run for run in history.runs}
    repeated = [(run, runs[run.repeats]) for run in history.runs if run.repeats]
    assert len(repeated) > 20
    for run, first in repeated:
        assert (run.suite, run.commit, run.environment) == (first.suite, first.commit, first.environment)
        assert first.finished_at < run.started_at
        assert first.status in {"failed", "errored"}


def test_cases_come_and_go(history: History) -> None:
    suites = {run.suite.name: run.suite for run in history.runs}
    specs = [spec for suite in suites.values() for spec in suite.cases]
    assert any(spec.since for spec in specs)
    assert any(spec.until for spec in specs)
    for run in history.runs:
        assert all(case.spec.exists_in(run.commit.index) for case in run.cases)


def test_the_median_duration_of_a_case_is_near_that_of_its_specification(history: History) -> None:
    slowed = {(one.suite, name) for one in history.labels.slowdowns for name in one.names}
    passed: dict[tuple[str, str], list[float]] = {}
    expected = {}
    for run in history.runs:
        for case in run.cases:
            key = (run.suite.name, case.spec.name)
            if case.status == "passed" and len(case.tries) == 1 and key not in slowed:
                passed.setdefault(key, []).append(case.tries[0].duration_ms)
                expected[key] = case.spec.median_ms
    measured = {key: median(values) for key, values in passed.items() if len(values) > 30}
    assert len(measured) > 100
    assert all(measured[key] == pytest.approx(expected[key], rel=0.25) for key in measured)


def test_every_kind_of_row_occurs(history: History) -> None:
    shards = [shard for run in history.runs for shard in run.shards]
    assert {shard.outcome for shard in shards} == {"finished", "timed_out", "failed_to_start"}
    assert max(shard.attempt for shard in shards) > 1
    assert any(case.flaky for run in history.runs for case in run.cases)
    assert len({run.suite.tool for run in history.runs}) == 5
