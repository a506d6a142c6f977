"""A run as one JUnit file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import xunit2

from reporter.junit import case as junit_case
from reporter.reports.folder import Reports
from testfleet.report import junit
from testfleet.report.run_report import Case, Try
from tests.support.junit import cases as read
from tests.support.run_report import Make

FIXTURES = Path(__file__).parents[3] / "fixtures" / "junit"
FILES = sorted(path.relative_to(FIXTURES).as_posix() for path in FIXTURES.rglob("*.xml"))


def stored(case: junit_case.Case, **fields: Any) -> Case:
    """Return the case as the tables have it."""
    ordinary: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__) | {"files": ()}
    known = {name: getattr(case, name) for name in ("name", "flaky", "duration_ms", "message", "error", "file")}
    tries = tuple(Try(one.status.value, one.duration_ms, one.message, one.error) for one in case.tries)
    return Case(**(ordinary | known | {"status": case.status.value, "tries": tries, "shard": 1, "attempt": 1} | fields))


def facts(cases: Sequence[Any]) -> list[tuple[object, ...]]:
    return sorted(
        (case.name, str(case.status.value), case.flaky, tuple(str(one.status.value) for one in case.tries))
        for case in cases
    )


@pytest.mark.parametrize("name", FILES)
def test_an_ingest_of_the_file_gives_the_same_cases(make: Any, tmp_path: Path, name: str) -> None:
    """Names, statuses and tries of the reports of every tool survive the way into the database and back."""
    folder = tmp_path / "junit"
    folder.mkdir()
    (folder / "report.xml").write_bytes((FIXTURES / name).read_bytes())
    before = [case for batch in Reports(tmp_path).final() for case in batch]
    assert before
    after = read(junit.render(make.report(*(stored(case) for case in before))))
    assert facts(after) == facts(before)


def test_each_shard_is_a_suite_with_its_counts(make: Any) -> None:
    text = junit.render(make.whole())
    suites = list(xunit2.JUnitXml.fromstring(text.encode()))
    assert [(suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) for suite in suites] == [
        ("checkout [shard 1/2]", 6, 3, 1, 1),
        ("checkout [shard 2/2]", 2, 1, 0, 0),
    ]
    root = xunit2.JUnitXml.fromstring(text.encode())
    assert (root.name, root.tests, root.failures, root.errors) == ("checkout", 8, 4, 1)


def test_a_failure_has_type_message_text_and_files(make: Any) -> None:
    case = next(iter(next(iter(xunit2.JUnitXml.fromstring(junit.render(make.whole()).encode())))))
    (failure,) = case.result
    assert (case.name, case.time) == ("pays", 1.5)
    assert (failure.type, failure.message) == ("AssertionError", "expected 200\nreceived 500")
    assert failure.text == "AssertionError: expected 200\nat pay.spec.ts:12"
    assert case.system_out == "trace: s3://qa/r-42/1/1/trace.zip"


def test_a_run_of_one_shard_without_cases_is_an_empty_suite(make: Any) -> None:
    (suite,) = xunit2.JUnitXml.fromstring(junit.render(make.report(shards=(make.shard(),))).encode())
    assert suite.tests == 0


TEXTS = st.text(max_size=60) | st.sampled_from(["\x00\x1b[31m]]>", "<&\"'>\ufffe", "a\r\n\tb", " > .", ". > ", ""])


@given(text=TEXTS)
def test_any_text_gives_well_formed_xml(text: str) -> None:
    """Control characters and markup are in texts of real reports."""
    make = Make()
    tries = (Try("failed", 1.0, text, text), Try("errored", None, text, text))
    case = make.case(text, tries=tries, message=text, error=text, error_type=text, file=text)
    skipped = make.case(text + "2", "skipped", message=text, files=(make.file(s3_uri=text),))
    report = make.report(case, skipped, suite=text, branch=text, commit=text, ci_url=text)
    root = ET.fromstring(junit.render(report))
    assert len(root.findall(".//testcase")) == 2
