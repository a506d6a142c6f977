"""An incremental parser of JUnit XML. It returns each case when its element is closed, in bounded memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat  # a DTD is refused, so no entity is ever declared

from reporter.errors import BrokenReport
from reporter.junit.case import Case
from reporter.junit.element import Element
from reporter.junit.failure import MAX_ERROR_BYTES
from reporter.junit.testcase import FURTHER_TRIES, STATUSES, read
from reporter.junit.testsuite import BAD, SUITES, Dialect, OpenSuite
from reporter.junit.times import milliseconds
from runtime.text import storable
from runtime.xml_characters import XmlCharacters

MAX_TOKEN_BYTES = 16 * 1024 * 1024
"""Longest tag with its attributes. expat returns a tag only as a whole."""
MAX_DEPTH = 100
MAX_PARTS = 200
"""Kept results of one case. Beyond that, only the first final result of each kind is kept."""
MAX_ATTACHMENTS = 200
MAX_DOUBT = 500  # characters

_BUFFER = 64 * 1024
_RESULTS = {*STATUSES, *FURTHER_TRIES}
_NO_CASES = {"property", "properties", "system-out", "system-err"}
"""Elements of a suite whose content is never a result."""
_OUTPUTS = {"system-out", "system-err"}
_MARK = "[[ATTACHMENT|"
_ATTACHMENT = re.compile(re.escape(_MARK) + r"([^\n]{1,1024}?)\]\]")
_CARRIED = 1100  # characters; the longest kept beginning of an attachment's mark


@dataclass(frozen=True, slots=True)
class Reported:
    """A case as its report has it. Its name may occur again.

    `attachments` are paths relative to the report's folder. `suite` is the number of the innermost suite element
    around the case within the report.
    """

    case: Case
    attachments: tuple[str, ...] = ()
    dialect: Dialect = Dialect.OTHER
    suite: int = 0


@dataclass(slots=True)
class _OpenCase:
    element: Element
    kinds: set[str] = field(default_factory=set)
    inside: list[Element | None] = field(default_factory=list)
    """The open elements within the case; None for an ignored one."""
    printed: str = ""
    carried: str = ""
    attachments: list[str] = field(default_factory=list)


class JUnitParser:
    """Parses one report.

    `p95_ms` is the largest value of the suites' properties of that name. `closed` is whether the root element is
    closed. `doubt` describes the first failure of a suite that none of its cases shows.
    """

    def __init__(self) -> None:
        self.p95_ms: float | None = None
        self.closed = False
        self.doubt: str | None = None
        self._open: list[str] = []
        self._suites: list[OpenSuite] = []
        self._suites_begun = 0
        self._gotestsum = False
        self._case: _OpenCase | None = None
        self._done: list[Reported] = []
        self._broken: BrokenReport | None = None
        self._fed = 0
        self._unfinished = 0
        self._waiting = bytearray()
        self._characters = XmlCharacters()
        self._expat = expat.ParserCreate("utf-8")
        self._expat.buffer_text = True
        self._expat.buffer_size = _BUFFER
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, data: bytes) -> Iterator[Reported]:
        """Yield the cases that this piece of the file completes.

        Raises:
            BrokenReport: the file is no report from here on. It is raised after the last case and by every later call.
        """
        return self._parse(data, last=False)

    def close(self) -> Iterator[Reported]:
        """Yield the cases that the end of the file completes.

        Raises:
            BrokenReport: the report is not complete. It is raised after the last case.
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
        try:
            data = self._characters.feed(data, last=last)
        except LookupError as error:
            raise BrokenReport(storable(f"line 1: its encoding can't be read: {error}")) from error
        # expat scans an unfinished tag from its start with every piece. A longer tag therefore gets longer pieces.
        self._waiting += data
        size = len(self._waiting)
        if _BUFFER < self._unfinished > size and self._unfinished + size <= MAX_TOKEN_BYTES and not last:
            return
        data, self._waiting = bytes(self._waiting), bytearray()
        try:
            self._expat.Parse(data, last)
        except expat.ExpatError as error:
            raise BrokenReport(self._explain(error, last=last)) from error
        self._fed += len(data)
        self._unfinished = self._fed - self._expat.CurrentByteIndex
        if self._unfinished > MAX_TOKEN_BYTES:
            raise BrokenReport(f"line {self._expat.CurrentLineNumber}: one tag is longer than {MAX_TOKEN_BYTES} bytes")

    def _explain(self, error: expat.ExpatError, *, last: bool) -> str:
        if last and not self.closed:
            inside = f"inside <{self._open[-1]}>" if self._open else "before it began"
            return f"line {self._expat.CurrentLineNumber}: the file ends {inside}"
        return f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"

    def _refuse_doctype(self, *_: object) -> None:
        raise BrokenReport("it must not declare a document type (DTD)")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        parent = self._open[-1] if self._open else None
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise BrokenReport(f"its elements are nested more than {MAX_DEPTH} deep")
        if parent is None and tag not in SUITES:
            raise BrokenReport(f"its root must be <testsuites> or <testsuite>, but is <{tag[:100]}>")
        if self._case is not None:
            self._start_part(self._case, tag, attributes)
        elif tag in SUITES:
            self._enter_suite(tag, attributes)
        elif tag == "testcase" and parent not in _NO_CASES:
            self._case = _OpenCase(Element(tag, attributes))
        elif tag == "property":
            self._note_property(attributes)
        elif tag in BAD and parent in SUITES:
            self._note_doubt(self._suites[-1].own_failure(tag, attributes.get("message", "")))

    def _enter_suite(self, tag: str, attributes: dict[str, str]) -> None:
        outer = self._suites[-1] if self._suites else None
        self._suites_begun += 1
        suite = OpenSuite.within(outer, Element(tag, attributes), depth=len(self._open), number=self._suites_begun)
        self._suites.append(suite)

    def _leave_suite(self) -> None:
        suite = self._suites.pop()
        self._note_doubt(suite.hidden_failures(gotestsum=self._gotestsum))
        if self._suites:
            self._suites[-1].failed |= suite.failed

    def _note_doubt(self, doubt: str | None) -> None:
        if self.doubt is None and doubt is not None:
            self.doubt = storable(doubt)[:MAX_DOUBT]

    def _note_property(self, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name"), attributes.get("value")
        if name == "go.version":
            self._suites[-1].dialect = Dialect.GOTESTSUM
            self._gotestsum = True
        elif name == "p95_ms" and (p95 := milliseconds(value, unit=1)) is not None:
            self.p95_ms = max(p95, self.p95_ms or 0)

    def _start_part(self, case: _OpenCase, tag: str, attributes: dict[str, str]) -> None:
        parent = case.inside[-1] if case.inside else case.element
        part = None
        if parent is case.element and tag in _RESULTS:
            if len(parent.children) < MAX_PARTS or (tag in STATUSES and tag not in case.kinds):
                part = Element(tag, attributes)
                parent.children.append(part)
            case.kinds.add(tag)
        elif parent is not None and tag in _OUTPUTS and parent.tag not in _OUTPUTS:
            part = Element(tag)
        elif parent is not None and tag == "stackTrace" and parent.tag in _RESULTS and not parent.children:
            part = Element(tag)
            parent.children.append(part)
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
        room = MAX_ERROR_BYTES - len(part.text)
        if room > 0:
            part.text += text[:room]
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
        self._open.pop()
        case = self._case
        if case is None:
            if self._suites[-1].depth > len(self._open):
                self._leave_suite()
            self.closed = not self._open
        elif case.inside:
            case.inside.pop()
            case.carried = ""
        else:
            self._case = None
            suite = self._suites[-1]
            suite.failed |= not case.kinds <= {"skipped"}
            read_case = read(case.element, suite.enclosing, case.printed)
            self._done.append(Reported(read_case, tuple(case.attachments), suite.dialect, suite.number))
