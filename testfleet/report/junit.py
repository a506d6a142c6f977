"""Renders a run as one JUnit file: the cases of all shards, with their tries in Surefire's elements.

`testfleet ingest` of the file gives the same cases again. The elements of the tries are those of
https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, tostring

from testfleet.output.blocks import clean
from testfleet.report.run_report import Case, RunReport, Try

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RESULTS = {"failed": "failure", "errored": "error"}
_FLAKY = {"failed": "flakyFailure", "errored": "flakyError"}
_RERUN = {"failed": "rerunFailure", "errored": "rerunError"}


def render(report: RunReport) -> str:
    """Return the run as the text of an XML document with one `<testsuite>` for each shard."""
    run = report.run
    name = run.suite or run.run_id
    root = Element("testsuites", _attributes({"name": name, **_counts(report.cases)}))
    by_shard: dict[int, list[Case]] = {shard.shard: [] for shard in report.shards}
    for case in report.cases:
        by_shard.setdefault(case.shard, []).append(case)
    total = run.shards or len(by_shard)
    started = run.started_at.astimezone(UTC).isoformat(timespec="seconds") if run.started_at else None
    for shard, cases in sorted(by_shard.items()):
        shown = f"{name} [shard {shard}/{total}]" if total > 1 else name
        suite = SubElement(root, "testsuite", _attributes({"name": shown, "timestamp": started, **_counts(cases)}))
        properties = SubElement(suite, "properties")
        known = {"run_id": run.run_id, "commit": run.commit, "branch": run.branch, "ci_url": run.ci_url}
        for key, value in known.items():
            if value:
                SubElement(properties, "property", _attributes({"name": key, "value": value}))
        for case in cases:
            _add_case(suite, case)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(cases: Sequence[Case]) -> dict[str, str | None]:
    def number(status: str) -> str:
        return str(sum(case.status == status for case in cases))

    return {
        "tests": str(len(cases)),
        "failures": number("failed"),
        "errors": number("errored"),
        "skipped": number("skipped"),
        "time": _seconds(sum(case.duration_ms or 0 for case in cases)),
    }


def _add_case(suite: Element, case: Case) -> None:
    name = _text(case.name)
    about = {
        "name": name,
        "classname": _group(name),
        "file": case.file,
        "time": _seconds(case.duration_ms),
        "timestamp": case.started_at.astimezone(UTC).isoformat() if case.started_at else None,
    }
    element = SubElement(suite, "testcase", _attributes(about))
    tries = [one for one in case.tries if one.status in _RESULTS]
    if case.status == "skipped":
        SubElement(element, "skipped", _attributes({"message": case.message}))
    elif case.status == "passed":
        for one in tries:
            _add_try(element, _FLAKY[one.status], one)
    else:
        # The result describes the first try, and the elements after it the others.
        first, *others = tries or [Try(case.status, case.duration_ms, case.message, case.error)]
        _add_result(element, _RESULTS[first.status], first, {"type": case.error_type})
        for one in others:
            _add_try(element, _RERUN[one.status], one)
    if case.files:
        SubElement(element, "system-out").text = "\n".join(f"{file.kind}: {_text(file.s3_uri)}" for file in case.files)


def _add_try(case: Element, tag: str, one: Try) -> None:
    _add_result(case, tag, one, {"time": _seconds(one.duration_ms)})


def _add_result(case: Element, tag: str, one: Try, more: Mapping[str, str | None]) -> None:
    result = SubElement(case, tag, _attributes({"message": one.message, **more}))
    result.text = _text(one.error) if one.error else None


def _group(name: str) -> str:
    """Return the part of the name before its last separator, by which viewers group cases."""
    for separator in (" > ", "."):
        parent = name.rpartition(separator)[0]
        if parent and parent == parent.strip():
            return parent
    return name


def _seconds(milliseconds: float | None) -> str | None:
    return f"{milliseconds / 1000:.6f}" if milliseconds is not None and math.isfinite(milliseconds) else None


def _attributes(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(text: str) -> str:
    """Return the text without terminal sequences and without characters that XML forbids."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", clean(text))
