"""k6's summary: thresholds, checks and exceptions as cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from handoff.message import Shard
from worker.runners import k6_summary
from worker.runners.inside.k6_run import worked

ONE = Shard(index=1, total=1)
WORK = {"iterations": {"count": 4}}
NO_CHECKS: dict[str, Any] = {"checks": {}, "groups": {}}


def cases(metrics: dict[str, Any], shard: Shard = ONE, group: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    summary = {"metrics": metrics, "root_group": group or NO_CHECKS}
    cases = k6_summary.report(summary, (0, ""), shard).cases
    return [(case.name, case.failure or case.error or "") for case in cases]


@pytest.mark.parametrize(
    ("figures", "crossed", "failure"),
    [
        ({"count": 3, "avg": 7.5}, False, ""),
        ({"count": 3, "avg": 7.5}, True, "m crossed avg<5: avg=7.5, count=3"),
        ({"count": 0, "avg": 0}, False, "m has no samples, so nothing was measured"),
        ({"passes": 0, "fails": 0, "value": 0}, False, "m has no samples, so nothing was measured"),
        ({"passes": 0, "fails": 2, "value": 0}, False, ""),
        ({"value": 0, "min": 0, "max": 0}, False, "m has no samples, so nothing was measured"),
        ({"value": 0, "min": 0, "max": 4}, False, ""),
    ],
    ids=["kept", "crossed", "empty trend or counter", "empty rate", "rate", "empty gauge", "gauge"],
)
def test_a_threshold_is_a_case(figures: dict[str, Any], crossed: bool, failure: str) -> None:
    """k6 marks a crossed one with true. It passes one without samples, and we fail it."""
    metric = {**figures, "thresholds": {"avg<5": crossed}}
    assert cases({**WORK, "m": metric}) == [("m avg<5", failure)]


def test_a_segment_without_work_has_no_thresholds() -> None:
    """It can cross no threshold; a whole run without work has measured nothing."""
    metrics = {"iterations": {"count": 0, "thresholds": {"count>0": True}}}
    assert cases(metrics, Shard(index=5, total=5)) == []
    assert cases(metrics) == [("iterations count>0", "iterations has no samples, so nothing was measured")]


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({}, False),
        ({"iterations": {"count": 0}, "http_reqs": {"count": 3}}, False),
        ({"iterations": {"count": 1}}, True),
        ({"vus_max": {"max": 2}}, True),
    ],
    ids=["nothing", "only setup", "iterations", "interrupted iterations"],
)
def test_work_is_an_iteration_or_a_virtual_user(metrics: dict[str, Any], expected: bool) -> None:
    """Requests of `setup` run in every segment and are no work."""
    assert worked(metrics) is expected


def test_checks_carry_their_groups_and_the_shard() -> None:
    """Every shard repeats every name, so each name contains the shard."""
    inner = {"checks": {"b": {"passes": 1, "fails": 2}}, "groups": {}}
    group = {"checks": {"a": {"passes": 3, "fails": 0}}, "groups": {"outer": {"checks": {}, "groups": {"in": inner}}}}
    report = k6_summary.report({"metrics": WORK, "root_group": group}, (0, ""), Shard(index=2, total=3))
    assert [(case.classname, case.name, case.failure) for case in report.cases] == [
        ("checks", "a [shard 2/3]", None),
        ("checks > outer > in", "b [shard 2/3]", "failed 2 of 3 times"),
    ]


def test_exceptions_are_an_errored_case() -> None:
    """The case holds their number and the first message."""
    summary = {"metrics": WORK, "root_group": NO_CHECKS}
    (case,) = k6_summary.report(summary, (3, "Error: boom"), ONE).cases
    assert (case.name, case.error) == ("uncaught exceptions", "3 times; the first: Error: boom")


@pytest.mark.parametrize(
    ("metrics", "properties"),
    [
        ({"http_req_duration": {"p(95)": 12.5, "count": 8}}, {"p95_ms": "12.5"}),
        ({"http_req_duration": {"p(95)": 0, "count": 0}}, {}),
        ({}, {}),
    ],
    ids=["requests", "none", "no HTTP at all"],
)
def test_the_percentile_is_reported_if_there_were_requests(metrics: dict[str, Any], properties: dict[str, str]) -> None:
    """Without requests there is no percentile, and not zero."""
    assert k6_summary.report({"metrics": metrics, "root_group": NO_CHECKS}, (0, ""), ONE).properties == properties


def test_the_log_separates_exceptions_from_the_scripts_output(tmp_path: Path) -> None:
    """Only k6's own entries about the script count. An incomplete last line is no exception."""
    entries: list[dict[str, str]] = [
        {"level": "info", "source": "console", "msg": '"level":"error" executor'},
        {"level": "error", "source": "console", "executor": "x", "msg": "printed"},
        {"level": "error", "msg": "thresholds on metrics 'checks' have been crossed"},
        {"level": "error", "executor": "shared-iterations", "source": "stacktrace", "msg": "Error: first\n\tat x\n"},
        {"level": "error", "executor": "shared-iterations", "msg": "Uncaught (in promise) Error: second"},
        {"level": "error", "hint": "script exception", "msg": "Error: third"},
    ]
    lines = [json.dumps(entry, separators=(",", ":")) for entry in entries]
    log = tmp_path / "k6.log"
    log.write_text("\n".join([*lines, '{"level":"error","executor":"x"']))
    assert k6_summary.exceptions(log) == (3, "Error: first\n\tat x")


def test_without_summary_and_exception_there_is_no_report(tmp_path: Path) -> None:
    """An empty report would read as a shard without tests."""
    assert k6_summary.read(tmp_path / "gone.json", tmp_path / "gone.log", ONE) is None


def test_without_summary_an_exception_is_still_reported(tmp_path: Path) -> None:
    """A script that can't be read leaves a log and nothing else."""
    log = tmp_path / "k6.log"
    log.write_text('{"level":"error","hint":"script exception","msg":"SyntaxError"}')
    report = k6_summary.read(tmp_path / "gone.json", log, ONE)
    assert report is not None
    assert [case.name for case in report.cases] == ["uncaught exceptions"]
