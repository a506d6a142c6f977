"""One reading of all reports of a shard: the cases under final names, and a summary."""

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
    """The findings of a whole reading besides its cases. Paths are relative to the artifacts folder, with slashes."""

    files: int
    """Number of reports, including the broken ones."""
    broken: tuple[tuple[str, str], ...]
    """Path and reason of each report that is invalid or incomplete, and of each folder that can't be read."""
    doubts: tuple[tuple[str, str], ...]
    """Path and reason of each report with a failure that none of its cases shows."""
    cases: int
    p95_ms: float | None
    """The 95th percentile of a load test's requests in ms; the largest of all reports."""
    attachments: Mapping[str, str]
    """Path of each file that a case names as its attachment, with the name of that case."""


@dataclass(slots=True)
class Reading:
    """Reads all reports of a shard one after the other. Names are unique across them."""

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
            BrokenReport: the report is invalid or incomplete. It is raised after the last case.
        """
        parser = JUnitParser()
        try:
            for element in tries.join_tries(_elements(parser, pieces), survey=_elements(JUnitParser(), survey)):
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
        """Return the path of an attachment relative to the artifacts folder, or None if it is outside of it."""
        whole = posixpath.normpath(posixpath.join(self.artifacts, posixpath.dirname(path), attachment))
        inside = posixpath.relpath(whole, self.artifacts)
        return None if inside == ".." or inside.startswith("../") else inside


def _elements(parser: JUnitParser, pieces: Iterable[bytes]) -> Iterator[Reported]:
    for data in pieces:
        yield from parser.feed(data)
    yield from parser.close()
