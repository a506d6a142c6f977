"""Reads the reports of a folder."""

from reporter.junit.case import Case
from reporter.reports.folder import Reports

HEAD, TAIL = '<testsuites name="x"><testsuite>', "</testsuite></testsuites>"


def element(case: str) -> str:
    return case if case.startswith("<") else f'<testcase name="{case}"/>'


def polled(reports: Reports) -> list[str]:
    return [case.name for batch in reports.poll() for case in batch]


def final(reports: Reports) -> list[Case]:
    return [case for batch in reports.final() for case in batch]


def names(reports: Reports) -> list[str]:
    return [case.name for case in final(reports)]
