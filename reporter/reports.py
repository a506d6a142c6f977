"""The reports of a suite, `junit/**/*.xml` below the artifacts folder, as batches of cases."""

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from reporter.junit import tries
from reporter.junit.case import Case
from reporter.junit.masking import masked, masked_text
from reporter.junit.names import Namer
from reporter.junit.parser import BrokenReport, JUnitParser, Reported
from reporter.tail import READ_BYTES, Tail
from reporter.walk import open_inside, walk
from runtime.masking import Masking
from runtime.text import storable

FOLDER = "junit"
BATCH_CASES = 1000
BATCH_TEXT = 4 * 1024 * 1024
"""Characters of error text in one batch, so that a thousand long errors are no flood."""
POLL_BYTES = 16 * 1024 * 1024
"""Read by one `poll` at most; the rest is for the next."""
MAX_ATTACHMENTS = 100_000

_NO_REPORT = {None, errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO}
"""It has vanished, or something that is no regular file has taken its place."""


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


class Reports:
    """The reports below one artifacts folder, with the values of `mask` masked in the texts of cases.

    Symbolic links are never followed, and a file may vanish at any time.
    """

    def __init__(self, artifacts: Path, mask: Masking | None = None) -> None:
        self._artifacts = artifacts
        self._mask = mask or Masking()
        self._tails: dict[str, Tail] = {}
        self._summary: Summary | None = None

    @property
    def summary(self) -> Summary:
        """What the last `final` found that was read to its end.

        Raises:
            LookupError: there was none.
        """
        if self._summary is None:
            raise LookupError("the reports have not been read to their end")
        return self._summary

    def poll(self) -> Iterator[list[Case]]:
        """Cases that were finished since the last poll; it reads at most 16 MiB.

        Names and tries are provisional, as only `final` knows what comes later. A file that was replaced, or is
        shorter than before, is read from its start again.

        Raises:
            OSError: the volume failed.
        """
        return _batches(masked(self._grown(), self._mask))

    def final(self) -> Iterator[list[Case]]:
        """Every case of every report from the start, in the order of sorted paths, with the names that stand.

        To be called when all files are closed; each call starts anew. `summary` is there when it is exhausted.

        Raises:
            OSError: the volume failed.
        """
        self._summary = None
        return _batches(masked(self._all(), self._mask))

    def _grown(self) -> Iterator[Case]:
        budget = POLL_BYTES
        paths, _ = self._listed()
        self._tails = {path: self._tails[path] for path in paths if path in self._tails}
        for path in paths:
            with suppress(BrokenReport), self._opened(path) as descriptor:
                if descriptor is not None:
                    tail = self._tails[path] = Tail.of(descriptor, self._tails.get(path))
                    begin = tail.offset
                    yield from tail.read(descriptor, budget)
                    budget -= tail.offset - begin

    def _all(self) -> Iterator[Case]:
        paths, broken = self._listed()
        reading = _Reading(os.fspath(self._artifacts), broken, self._mask)
        for path in paths:
            try:
                with self._opened(path) as descriptor:
                    if descriptor is None:
                        continue
                    yield from reading.cases(path, descriptor)
            except BrokenReport as error:
                reading.broken.append((storable(path), str(error)))
            reading.files += 1
        self._summary = reading.summary()

    def _listed(self) -> tuple[list[str], list[tuple[str, str]]]:
        """The reports in the order of their paths, and the folders that can't be looked into, with the reason."""
        paths, unreadable = [], []
        try:
            for found in walk(self._artifacts / FOLDER):
                path = f"{FOLDER}/{found.path}"
                if found.skipped is not None and self._is_folder(path):
                    unreadable.append((storable(path), f"the folder can't be read: {found.skipped}"))
                elif path.endswith(".xml"):
                    paths.append(path)
        except PermissionError as error:
            unreadable.append((FOLDER, f"the folder can't be read: {error.strerror}"))
        except OSError as error:
            if error.errno not in _NO_REPORT:
                raise
        return sorted(paths), unreadable

    def _is_folder(self, path: str) -> bool:
        try:
            return stat.S_ISDIR((self._artifacts / path).lstat().st_mode)
        except OSError:
            return False

    @contextmanager
    def _opened(self, path: str) -> Iterator[int | None]:
        """A descriptor, or None where no report stands there any more.

        Raises:
            BrokenReport: it may not be read.
        """
        try:
            descriptor = open_inside(self._artifacts, path)
        except PermissionError as error:
            raise BrokenReport(f"it can't be read: {error.strerror}") from error
        except OSError as error:
            if error.errno not in _NO_REPORT:
                raise
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class _Reading:
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

    def cases(self, path: str, descriptor: int) -> Iterator[Case]:
        """The cases of one report, with the names that stand.

        Raises:
            BrokenReport: after the last of them, where the report is none or breaks off.
        """
        parser = JUnitParser()
        try:
            for element in tries.together(_elements(parser, descriptor), survey=_elements(JUnitParser(), descriptor)):
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


def _elements(parser: JUnitParser, descriptor: int) -> Iterator[Reported]:
    offset = 0
    while data := os.pread(descriptor, READ_BYTES, offset):
        offset += len(data)
        yield from parser.feed(data)
    yield from parser.close()


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    text = 0
    for case in cases:
        batch.append(case)
        text += len(case.error or "") + sum(len(one.error or "") for one in case.tries)
        if len(batch) >= BATCH_CASES or text >= BATCH_TEXT:
            yield batch
            batch, text = [], 0
    if batch:
        yield batch
