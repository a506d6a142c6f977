"""What k6 says at its end (`--summary-export` and its log), as cases.

Its summary holds the figures of every metric and, per threshold, whether it was crossed:
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
    """One case; without `failure` and `error`, which are texts for people, it passed."""

    classname: str
    name: str
    failure: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The cases of one shard and what else the run's row wants to know."""

    cases: tuple[ReportCase, ...]
    properties: Mapping[str, str]


def read(summary: Path, log: Path, shard: Shard) -> Report | None:
    """The report of a run that has ended; None where k6 told nothing at all, so that only its exit code speaks."""
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
    """The cases of a summary. `thrown` is how many iterations threw, and what the first one said."""
    metrics: Mapping[str, Any] = summary["metrics"]
    suffix = "" if shard.total == 1 else f" [shard {shard}]"
    # Nothing can be asked of a segment without work; a whole run without any has failed to measure.
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
    """How many uncaught exceptions stand in k6's log, and the first of them.

    k6 counts an iteration that threw like any other and ends with 0; only its log tells.
    """
    count, first = 0, ""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                # A cheap look first: the log also holds whatever the script prints, and may be long.
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
    """Whether a metric was ever recorded: trends and counters say `count`, rates say `passes` and `fails`.

    A gauge without samples can't be told from one that stood at zero all the time; the summary is the same.
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
