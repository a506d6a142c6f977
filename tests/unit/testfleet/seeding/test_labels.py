"""The labels of a generated history agree with its rows."""

import json
from collections import defaultdict
from datetime import datetime

from testfleet.seeding import labels
from testfleet.seeding.execution import GLITCH
from testfleet.seeding.generate import History
from testfleet.seeding.labels import BadCase
from testfleet.seeding.values import BAD, Run


def behind(history: History, prefix: str) -> dict[str, list[BadCase]]:
    """Return the bad cases by the labels behind them."""
    found = defaultdict(list)
    for bad in history.labels.bad_cases:
        for identity in bad.because:
            if identity.startswith(prefix):
                found[identity].append(bad)
    return found


def test_every_bad_or_repeated_case_has_a_label_and_no_other_case_has_one(history: History) -> None:
    labelled = {(bad.run_id, bad.name) for bad in history.labels.bad_cases}
    rows = {
        (run.run_id, case.spec.name)
        for run in history.runs
        for case in run.cases
        if case.status in BAD or len(case.tries) > 1
    }
    assert labelled == rows


def test_every_reason_is_a_label_or_a_glitch(history: History) -> None:
    truth = history.labels
    ids = [one.id for one in truth.flaky] + [one.id for one in truth.regressions] + [one.id for one in truth.outages]
    known = set(ids)
    assert len(known) == len(ids)
    assert {reason for bad in truth.bad_cases for reason in bad.because} <= known | {GLITCH}


def test_glitches_are_rare(history: History) -> None:
    assert sum(GLITCH in bad.because for bad in history.labels.bad_cases) < 20


def test_a_flaky_case_fails_only_while_its_mechanism_applies(history: History, runs: dict[str, Run]) -> None:
    failures = behind(history, "flaky-")
    assert len(failures) > len(history.labels.flaky) / 2
    for label in history.labels.flaky:
        for bad in failures[label.id]:
            run = runs[bad.run_id]
            assert (run.suite.name, bad.name) == (label.suite, label.name)
            assert label.active(run.queued_at)
            assert not label.hours or run.queued_at.hour in label.hours
            assert label.environment in {None, run.environment}


def test_a_flaky_case_also_passes(history: History) -> None:
    passed = {(run.suite.name, case.spec.name) for run in history.runs for case in run.cases if case.status == "passed"}
    failures = behind(history, "flaky-")
    assert all((label.suite, label.name) in passed for label in history.labels.flaky if failures[label.id])


def test_a_regression_fails_between_the_commit_that_broke_it_and_the_one_that_mended_it(
    history: History, runs: dict[str, Run]
) -> None:
    failures = behind(history, "regression-")
    found = 0
    for label in history.labels.regressions:
        for run in history.runs:
            if run.suite.name != label.suite or run.commit.branch != label.branch or label.rate < 1:
                continue
            mended = label.mended_at is not None and run.commit.at >= label.mended_at
            broken = run.commit.at >= label.broken_at and not mended
            bad = {one.name for one in failures[label.id] if one.run_id == run.run_id}
            assert broken or not bad
            if broken and len(bad) > 0:
                found += 1
                statuses = {case.spec.name: case for case in run.cases if case.spec.name in label.names}
                assert all(case.status in BAD for case in statuses.values())
    assert found > 20
    assert all(runs[one.run_id].suite.name for ones in failures.values() for one in ones)


def test_a_partial_regression_fails_in_some_runs_only(history: History, runs: dict[str, Run]) -> None:
    partial = [label for label in history.labels.regressions if label.rate < 1]
    failures = behind(history, "regression-")
    assert len(partial) >= 3
    for label in partial:
        failing = {one.run_id for one in failures[label.id] if runs[one.run_id].commit.branch == label.branch}
        span = [
            run
            for run in history.runs
            if run.suite.name == label.suite
            and run.commit.branch == label.branch
            and run.commit.at >= label.broken_at
            and (label.mended_at is None or run.commit.at < label.mended_at)
        ]
        assert failing <= {run.run_id for run in span}


def test_an_outage_ends_the_runs_of_its_time(history: History, runs: dict[str, Run]) -> None:
    failures = behind(history, "outage-")
    for label in history.labels.outages:
        assert all(label.active(runs[bad.run_id].queued_at) for bad in failures[label.id])
        during = [run for run in history.runs if run.suite.name in label.suites and label.active(run.queued_at)]
        assert all(run.status != "passed" for run in during if label.kind == "dependency" and len(run.cases) > 20)


def test_the_failures_of_an_outage_share_few_fingerprints(history: History, runs: dict[str, Run]) -> None:
    for identity, ones in behind(history, "outage-").items():
        prints = {
            case.failure.fingerprint
            for bad in ones
            for case in runs[bad.run_id].cases
            if case.spec.name == bad.name and case.failure
        }
        assert 0 < len(prints) <= 5, identity


def test_the_labels_are_json(history: History, end: datetime) -> None:
    read = json.loads(labels.to_json(history.labels))
    assert read["seed"] == 4
    assert read["ends"] == end.isoformat()
    assert len(read["bad_cases"]) == len(history.labels.bad_cases)
