"""One reading of all reports of a shard: their cases under final names, and what the reports hold besides cases."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from reporter.junit import tries
from reporter.junit.case import Case
from reporter.junit.masking import masked_text
from reporter.junit.names import Namer
from reporter.junit.parser import JUnitParser, Reported
from runtime.masking import Masking
from runtime.text import storable

MAX_ATTACHMENTS = 100_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole reading found besides the cases. Paths are relative to the artifacts folder, with slashes."""

    files: int
    """Reports, the broken ones among them."""
    broken: tuple[tuple[str, str], ...]
    """Path and reason of each report that is none or breaks off, and of each folder that can't be read."""
    doubts: tuple[tuple[str, str], ...]
    """Path and reason of each report that has a failure which none of its cases shows."""
    cases: int
    p95_ms: float | None
    """What a load test tells of its requests, in ms; the largest where several reports do."""
    attachments: Mapping[str, str]
    """Files that a case names as its own, with the name of that case."""


@dataclass(slots=True)
class Reading:
    """One reading of all reports: names are told apart across them, and the rest is counted."""

    artifacts: str
    broken: list[tuple[str, str]]
    mask: Masking
    files: int = 0
    count: int = 0
    p95_ms: float | None = None
    doubts: list[tuple[str, str]] = field(default_factory=list)
    attachments: dict[str, str] = field(default_factory=dict)
    namer: Namer = field(default_factory=Namer)

    def cases(self, path: str, pieces: Iterable[bytes], *, survey: Iterable[bytes]) -> Iterator[Case]:
        """Return the cases of one report under their final names.

        `pieces` and `survey` each yield the bytes of the whole report. `survey` is read only if a case may be repeated.

        Raises:
            BrokenReport: after the last of them, where the report is none or breaks off.
        """
        parser = JUnitParser()
        try:
            for element in tries.together(_elements(parser, pieces), survey=_elements(JUnitParser(), survey)):
                yield self._case(path, element)
        finally:
            if parser.doubt is not None:
                self.doubts.append((storable(path), parser.doubt))
        if parser.p95_ms is not None:
            self.p95_ms = max(parser.p95_ms, self.p95_ms or 0)

    def _case(self, path: str, element: Reported) -> Case:
        case = replace(element.case, name=self.namer.name(element.case.name))
        self.count += 1
        for attachment in element.attachments:
            inside = self._inside(path, attachment)
            if inside and len(self.attachments) < MAX_ATTACHMENTS:
                self.attachments.setdefault(inside, case.name)
        return case

    def summary(self) -> Summary:
        return Summary(
            files=self.files,
            broken=self._masked(self.broken),
            doubts=self._masked(self.doubts),
            cases=self.count,
            p95_ms=self.p95_ms,
            attachments=MappingProxyType(self.attachments),
        )

    def _masked(self, reasons: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((path, masked_text(reason, self.mask)) for path, reason in reasons)

    def _inside(self, path: str, attachment: str) -> str | None:
        """An attachment's path, told from its report's folder, as seen from the artifacts folder; None if outside."""
        whole = posixpath.normpath(posixpath.join(self.artifacts, posixpath.dirname(path), attachment))
        inside = posixpath.relpath(whole, self.artifacts)
        return None if inside == ".." or inside.startswith("../") else inside


def _elements(parser: JUnitParser, pieces: Iterable[bytes]) -> Iterator[Reported]:
    for data in pieces:
        yield from parser.feed(data)
    yield from parser.close()
