"""JUnit XML, parsed while it arrives: every case as soon as its element is closed, in memory that stays flat."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from xml.parsers import expat  # a DTD is refused where it begins, so no entity is ever declared

from reporter.cases import Case
from reporter.failure import MAX_ERROR_BYTES, storable
from reporter.testcase import Part, Surroundings, read
from reporter.times import instant, number

MAX_TOKEN_BYTES = 16 * 1024 * 1024
"""Of one tag with its attributes, which expat can only hand over whole."""
MAX_DEPTH = 100
MAX_PARTS = 200
"""Kept results of one case; those of a case that was tried more often are left out."""
MAX_ATTACHMENTS = 200

_BUFFER = 64 * 1024
_SUITES = {"testsuites", "testsuite"}
_RESULTS = {"failure", "error", "skipped", "rerunFailure", "rerunError", "flakyFailure", "flakyError"}
_OUTPUTS = {"system-out", "system-err"}
_MARK = "[[ATTACHMENT|"
_ATTACHMENT = re.compile(re.escape(_MARK) + r"([^\n]{1,1024}?)\]\]")
_CARRIED = 1100  # characters; the longest beginning of an attachment's line


class BrokenReport(Exception):
    """The file is no JUnit report, or not to its end; its text is one line for people. Cases before that stand."""


class Dialect(Enum):
    """Who wrote the report, as far as it changes what a repeated name means."""

    PYTEST = "pytest"
    """Names are unique, so a repeat is a further try; a try that pytest-rerunfailures repeats looks as if it passed."""
    GOTESTSUM = "gotestsum"
    """A repeat after a failure is a further try (`--rerun-fails`)."""
    OTHER = "other"
    """A repeat is another case."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A case as its report has it: its name may come again. `attachments` are paths, seen from the report's folder."""

    case: Case
    attachments: tuple[str, ...] = ()
    dialect: Dialect = Dialect.OTHER


@dataclass(slots=True)
class _OpenCase:
    element: Part
    inside: list[Part | None] = field(default_factory=list)
    """The open elements within it; None for those that say nothing to us."""
    printed: str = ""
    carried: str = ""
    attachments: list[str] = field(default_factory=list)


class JUnitParser:
    """One report. `p95_ms` is what the suites' properties of that name say, `closed` whether the root has ended."""

    def __init__(self) -> None:
        self.p95_ms: float | None = None
        self.closed = False
        self._open: list[str] = []
        self._around: list[Surroundings] = [Surroundings()]
        self._dialects: list[Dialect] = [Dialect.OTHER]
        self._case: _OpenCase | None = None
        self._done: list[Reported] = []
        self._broken: BrokenReport | None = None
        self._fed = 0
        self._unfinished = 0
        self._waiting = bytearray()
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.buffer_size = _BUFFER
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, data: bytes) -> Iterator[Reported]:
        """The cases that are complete with this piece of the file.

        Raises:
            BrokenReport: after the last of them, where the file is no report from here on; and at every later call.
        """
        return self._parse(data, last=False)

    def close(self) -> Iterator[Reported]:
        """The cases that are only complete now that the file has ended.

        Raises:
            BrokenReport: after the last of them, where the report is not complete.
        """
        return self._parse(b"", last=True)

    def _parse(self, data: bytes, *, last: bool) -> Iterator[Reported]:
        if self._broken is None:
            try:
                self._advance(data, last=last)
            except BrokenReport as broken:
                self._broken = broken
        yield from self._done
        self._done.clear()
        if self._broken is not None:
            raise self._broken

    def _advance(self, data: bytes, *, last: bool) -> None:
        # expat looks at an unfinished tag from its start with every piece, so it gets larger pieces of a large one.
        self._waiting += data
        size = len(self._waiting)
        if _BUFFER < self._unfinished > size and self._unfinished + size <= MAX_TOKEN_BYTES and not last:
            return
        data, self._waiting = bytes(self._waiting), bytearray()
        try:
            self._expat.Parse(data, last)
        except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: an encoding nobody knows
            raise BrokenReport(self._explain(error, last=last)) from error
        self._fed += len(data)
        self._unfinished = self._fed - self._expat.CurrentByteIndex
        if self._unfinished > MAX_TOKEN_BYTES:
            raise BrokenReport(f"line {self._expat.CurrentLineNumber}: one tag is longer than {MAX_TOKEN_BYTES} bytes")

    def _explain(self, error: Exception, *, last: bool) -> str:
        if last and not self.closed:
            inside = f"inside <{self._open[-1]}>" if self._open else "before it began"
            return f"line {self._expat.CurrentLineNumber}: the file ends {inside}"
        if isinstance(error, expat.ExpatError):
            return f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"
        return storable(f"line 1: its encoding can't be read: {error}")

    def _refuse_doctype(self, *_: object) -> None:
        raise BrokenReport("it declares a DTD, and no report needs one")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        parent = self._open[-1] if self._open else None
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise BrokenReport(f"its elements are nested more than {MAX_DEPTH} deep")
        if parent is None and tag not in _SUITES:
            raise BrokenReport(f"its root is <{tag[:100]}>, where JUnit has <testsuites> or <testsuite>")
        if self._case is not None:
            self._start_part(self._case, tag, attributes)
        elif tag in _SUITES and (parent is None or parent in _SUITES):
            self._enter_suite(tag, attributes)
        elif tag == "testcase" and parent in _SUITES:
            self._case = _OpenCase(Part(tag, attributes))
        elif tag == "property":
            self._note_property(attributes)

    def _enter_suite(self, tag: str, attributes: dict[str, str]) -> None:
        around, name = self._around[-1], attributes.get("name", "")
        pytest = (tag, name) in {("testsuites", "pytest tests"), ("testsuite", "pytest")}
        self._dialects.append(Dialect.PYTEST if pytest else self._dialects[-1])
        self._around.append(
            Surroundings(
                # The root's name is the run's, and no part of where a case belongs.
                names=(*around.names, name) if tag == "testsuite" else around.names,
                file=attributes.get("file") or around.file,
                started_at=instant(attributes.get("timestamp")) or around.started_at,
            )
        )

    def _note_property(self, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name"), attributes.get("value")
        if name == "go.version":
            self._dialects[-1] = Dialect.GOTESTSUM
        elif name == "p95_ms" and (p95 := number(value)) is not None:
            self.p95_ms = max(p95, self.p95_ms or 0)

    def _start_part(self, case: _OpenCase, tag: str, attributes: dict[str, str]) -> None:
        parent = case.inside[-1] if case.inside else case.element
        part = None
        if parent is case.element and tag in _RESULTS and len(parent) < MAX_PARTS:
            part = Part(tag, attributes)
            parent.append(part)
        elif parent is not None and tag in _OUTPUTS and parent.tag not in _OUTPUTS:
            part = Part(tag)
        elif parent is not None and tag == "stackTrace" and parent.tag in _RESULTS and not len(parent):
            part = Part(tag)
            parent.append(part)
        case.inside.append(part)

    def _text(self, text: str) -> None:
        case = self._case
        part = case.inside[-1] if case and case.inside else None
        if case is None or part is None:
            return
        if part.tag in _OUTPUTS:
            self._note_attachments(case, text)
            if len(case.inside) == 1:
                case.printed += text[: MAX_ERROR_BYTES - len(case.printed)]
            return
        kept = part.text or ""
        room = MAX_ERROR_BYTES - len(kept)
        if room > 0:
            part.text = kept + text[:room]
        part.left_out += len(text[room:].encode())

    def _note_attachments(self, case: _OpenCase, text: str) -> None:
        text = case.carried + text
        end = 0
        for match in _ATTACHMENT.finditer(text):
            end = match.end()
            if len(case.attachments) < MAX_ATTACHMENTS:
                case.attachments.append(match[1])
        begun = text.rfind(_MARK, end)
        if begun < 0:
            begun = max(end, len(text) - len(_MARK) + 1)
        case.carried = text[begun:][:_CARRIED]

    def _end(self, _: str) -> None:
        tag = self._open.pop()
        case = self._case
        if case is None:
            if tag in _SUITES:
                self._around.pop()
                self._dialects.pop()
            self.closed = not self._open
        elif case.inside:
            case.inside.pop()
            case.carried = ""
        else:
            self._case = None
            told = read(case.element, self._around[-1], case.printed)
            self._done.append(Reported(told, tuple(case.attachments), self._dialects[-1]))
