"""Convert k6's summary (`--summary-export`) and its log into cases.

The summary holds the figures of every metric and, for each threshold, whether it was crossed:
https://grafana.com/docs/k6/latest/results-output/end-of-test/#summary-export-to-a-json-file
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handoff.message import Shard
from worker.runners.inside.k6_run import worked
from worker.runners.inside.testfleet_suite.junit import JUnitWriter, element

_NOTHING: Mapping[str, Any] = {"metrics": {}, "root_group": {"checks": {}, "groups": {}}}


@dataclass(frozen=True, slots=True)
class ReportCase:
    """One case. It passed if it has neither `failure` nor `error`, which are texts for people."""

    classname: str
    name: str
    failure: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The cases of one shard, and the properties of its suite."""

    cases: tuple[ReportCase, ...]
    properties: Mapping[str, str]


def read(summary: Path, log: Path, shard: Shard) -> Report | None:
    """Return the report of an ended k6, or None if k6 wrote neither a summary nor an exception."""
    thrown = exceptions(log)
    try:
        content = json.loads(summary.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = _NOTHING
    return report(content, thrown, shard) if content is not _NOTHING or thrown[0] else None


def write(report: Report, file: Path) -> None:
    """Write the report as JUnit.

    Raises:
        OSError: the file can't be written.
    """
    with JUnitWriter(file, "k6", report.properties) as junit:
        for case in report.cases:
            problems = (("failure", case.failure), ("error", case.error))
            junit.case(
                {"classname": case.classname, "name": case.name},
                *(element(kind, {"message": text}, text=text) for kind, text in problems if text is not None),
            )


def report(summary: Mapping[str, Any], thrown: tuple[int, str], shard: Shard) -> Report:
    """Return the cases of a summary. `thrown` is the number of uncaught exceptions and the first message."""
    metrics: Mapping[str, Any] = summary["metrics"]
    suffix = "" if shard.total == 1 else f" [shard {shard}]"
    # A segment without work measures nothing. A whole run without work has failed to measure.
    judged = metrics if shard.total == 1 or worked(metrics) else {}
    cases = [
        *_thresholds(judged, suffix),
        *_checks(summary["root_group"], (), suffix),
        *_exceptions(*thrown, suffix),
    ]
    duration = metrics.get("http_req_duration", {})
    p95 = {"p95_ms": str(duration["p(95)"])} if duration.get("count") else {}
    return Report(tuple(cases), p95)


def exceptions(log: Path) -> tuple[int, str]:
    """Return the number of uncaught exceptions in k6's log, and the first message.

    k6 counts an iteration that threw like any other and exits with 0. Only its log holds the exception.
    """
    count, first = 0, ""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                # A cheap test first: the log also holds the script's output and may be long.
                if '"level":"error"' in line and (message := _exception(line)) is not None:
                    count += 1
                    first = first or message
    except FileNotFoundError:
        pass
    return count, first


def _exception(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    of_script = "executor" in entry or entry.get("hint") == "script exception"
    return str(entry.get("msg", "")).strip() if of_script and entry.get("source") != "console" else None


def _thresholds(metrics: Mapping[str, Any], suffix: str) -> Iterator[ReportCase]:
    for metric, figures in sorted(metrics.items()):
        for expression, crossed in sorted(figures.get("thresholds", {}).items()):
            failure = None
            if not _sampled(figures):
                failure = f"{metric} has no samples, so nothing was measured"
            elif crossed:
                failure = f"{metric} crossed {expression}: {_figures(figures)}"
            yield ReportCase("thresholds", f"{metric} {expression}{suffix}", failure=failure)


def _sampled(figures: Mapping[str, Any]) -> bool:
    """Return whether a metric has samples. Trends and counters have `count`, rates have `passes` and `fails`.

    In the summary, a gauge without samples looks the same as one that was always zero.
    """
    if "passes" in figures:
        return bool(figures["passes"] + figures["fails"])
    if "count" in figures:
        return bool(figures["count"])
    return any(figures.get(name) for name in ("value", "min", "max"))


def _figures(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in sorted(figures.items()) if name != "thresholds")


def _checks(group: Mapping[str, Any], path: tuple[str, ...], suffix: str) -> Iterator[ReportCase]:
    for name, check in sorted(group["checks"].items()):
        passes, fails = check["passes"], check["fails"]
        failure = f"failed {fails} of {passes + fails} times" if fails else None
        yield ReportCase(" > ".join(("checks", *path)), f"{name}{suffix}", failure=failure)
    for name, inner in sorted(group["groups"].items()):
        yield from _checks(inner, (*path, name), suffix)


def _exceptions(count: int, first: str, suffix: str) -> Iterator[ReportCase]:
    if count:
        yield ReportCase("k6", f"uncaught exceptions{suffix}", error=f"{count} times; the first: {first}")
