"""Reads JUnit XML with the incremental parser."""

from collections.abc import Iterator

from reporter.errors import BrokenReport
from reporter.junit.case import Case
from reporter.junit.parser import JUnitParser, Reported


def read(*pieces: bytes) -> tuple[list[Reported], str | None]:
    """Return the cases of a file in pieces, and the reason if it is broken."""
    parser = JUnitParser()
    found: list[Reported] = []
    try:
        for piece in pieces:
            found.extend(_into(found, parser.feed(piece)))
        found.extend(_into(found, parser.close()))
    except BrokenReport as broken:
        return found, str(broken)
    return found, None


def _into(found: list[Reported], elements: Iterator[Reported]) -> list[Reported]:
    for element in elements:
        found.append(element)  # noqa: PERF402  # cases before an error count
    return []


def cases(text: str) -> list[Case]:
    found, broken = read(text.encode())
    assert broken is None
    return [element.case for element in found]


def only(text: str) -> Case:
    (case,) = cases(f"<testsuite>{text}</testsuite>")
    return case
