"""Generated reports against an oracle that reads them whole, with ElementTree, by the rules of docs/design.md.

`make fuzz` reads many more of them than `make test` does.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reporter.errors import BrokenReport
from reporter.junit.case import Case, Status
from reporter.junit.parser import MAX_PARTS, JUnitParser, Reported
from reporter.junit.reading import Summary
from reporter.reports.folder import Reports

REPORTS = int(os.environ.get("FUZZ_REPORTS", "150"))
PARTS = max(1, REPORTS // 150)  # each has the time limit of a test
BAD = {Status.FAILED, Status.ERRORED}
NASTY = (
    "\x1b[31m",
    "\x00",
    "\x08\x1f",
    "\ufffe",
    "&#27;",
    "&#x1B;",
    "&#0;",
    "&#xD800;",
    "&#x110000;",
    "&#65;",
    "&amp;",
)
PLAIN = ("word", "ä", "€", "]]", "--", "100 %", "#27;", " ")
SECTIONS = ("<![CDATA[&#27;\x1b<a>]]>", "<!-- &#0; <![CDATA[ \x1b -->", "<?tool &#27; <!-- ?>")
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "UTF-16",
    "cp1252": "windows-1252",
    "latin-1": "ISO-8859-1",
}
RESULTS = ("failure", "error", "skipped", "flakyFailure", "flakyError")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MARKUP = re.compile(r"(<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>)|&#(?:x([0-9a-fA-F]+)|([0-9]+));", re.DOTALL)


class Writer:
    """Writes one report, different for each seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def report(self) -> tuple[bytes, str]:
        """Return the bytes of a report and Python's name of its encoding."""
        encoding = self.chance.choice([*ENCODINGS, "utf-8", "utf-8"])
        declared = f'<?xml version="1.0" encoding="{ENCODINGS[encoding]}"?>'
        if encoding.startswith("utf") and self.chance.random() < 0.5:
            declared = ""
        data = (declared + self.root()).encode(encoding, errors="xmlcharrefreplace")
        if encoding == "utf-8":
            data = data.replace(b"word", self.chance.choice([b"word", b"\xe4", b"\xc3", b"\xed\xa0\x80"]))
        return data, encoding

    def root(self) -> str:
        tag = self.chance.choice(["testsuites", "testsuite"])
        name = self.chance.choice(["", ' name="pytest tests"', ' name="all"'])
        return f"<{tag}{name}{self._figures()}>{self._inside(0)}</{tag}>"

    def _inside(self, depth: int) -> str:
        parts = [self._part(depth) for _ in range(self.chance.randint(0, 5))]
        return "".join(parts)

    def _part(self, depth: int) -> str:
        kinds = ["case"] * 6 + ["suite"] * 4 * (depth < 4) + ["wrapper", "own", "text", "properties"]
        match self.chance.choice(kinds):
            case "case":
                return self._case()
            case "suite":
                name = self.chance.choice(["pytest", "pytest", "s", f"s{self._text()}", ""])
                go = '<properties><property name="go.version" value="1"/></properties>'
                head = go if self.chance.random() < 0.3 else ""
                return f'<testsuite name="{name}"{self._figures()}>{head}{self._inside(depth + 1)}</testsuite>'
            case "wrapper":
                tag = self.chance.choice(["group", "system-out", "properties"])
                return f"<{tag}>{self._inside(depth + 1)}</{tag}>"
            case "own":
                tag = self.chance.choice(["failure", "error"])
                return f'<{tag} message="{self._text()}"/>' if self.chance.random() < 0.2 else self._text()
            case "properties":
                return '<properties><property name="x" value="y"/><testcase name="no"/></properties>'
        return f"<system-err>{self._long()}</system-err>"

    def _figures(self) -> str:
        return "".join(
            f' {name}="{self.chance.choice(["0", "1", "", "x", "12"])}"'
            for name in ("errors", "failures")
            if self.chance.random() < 0.2
        )

    def _case(self) -> str:
        count = self.chance.choice([0, 0, 0, 1, 1, 2, 3])
        parts = [f"<{self.chance.choice(RESULTS)}>{self._long()}</x>" for _ in range(count)]
        if self.chance.random() < 0.01:
            parts[:0] = [f"<{self.chance.choice(RESULTS)}></x>"] * (MAX_PARTS + 3)
        inside = "".join(re.sub(r"<(\w+)>(.*)</x>", r"<\1>\2</\1>", part, flags=re.DOTALL) for part in parts)
        output = f"<system-out>{self._long()}<failure/></system-out>" if self.chance.random() < 0.3 else ""
        name = self.chance.choice(["a", "b", "c", f"d{self._text()}"])
        return f'<testcase name="{name}" time="1">{inside}{output}</testcase>{self._text()}'

    def _text(self) -> str:
        return "".join(self.chance.choice([*NASTY, *PLAIN]) for _ in range(self.chance.randint(0, 3))).replace(
            "]]", "]"
        )

    def _long(self) -> str:
        return self._text() + self.chance.choice(["", *SECTIONS]) + self._text()


@dataclass(eq=False)
class Row:
    """The expected row of one case."""

    raw: str
    tries: list[set[str]]
    """The kinds of results of each element, in the report's order."""

    @property
    def bad(self) -> bool:
        return bool(self.tries[-1] & {"failure", "error"})

    @property
    def flaky(self) -> bool:
        interim = any(kind.startswith("flaky") for kind in self.tries[-1])
        return not self.bad and "skipped" not in self.tries[-1] and (len(self.tries) > 1 or interim)


@dataclass
class Oracle:
    """Reads a report whole and by recursion."""

    rows: list[Row] = field(default_factory=list)
    doubt: bool = False
    go: bool = False
    open: dict[tuple[int, str], Row] = field(default_factory=dict)
    suites: int = 0

    @classmethod
    def of(cls, data: bytes, encoding: str) -> "Oracle":
        text = data.decode(encoding, errors="replace")
        text = re.sub(r"^<\?xml.*?\?>", "", FORBIDDEN.sub("\ufffd", MARKUP.sub(cls._allowed, text)))
        root = ET.fromstring(text)
        oracle = cls(go=root.find(".//property[@name='go.version']") is not None)
        oracle.suite(root, (), "other")
        return oracle

    @staticmethod
    def _allowed(markup: re.Match[str]) -> str:
        if markup[1]:
            return markup[1]
        code = int(markup[2], 16) if markup[2] else int(markup[3])
        good = code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
        return markup[0] if good else "\ufffd"

    def suite(self, element: ET.Element, around: tuple[str, ...], dialect: str) -> bool:
        """Whether a case in it failed."""
        self.suites += 1
        name = element.get("name", "")
        if (element.tag, name) in {("testsuites", "pytest tests"), ("testsuite", "pytest")}:
            dialect = "pytest"
        if element.tag == "testsuite" and name not in {"", "pytest"}:
            around = (*around, name.strip())
        failed = self.inside(element, around, [dialect], self.suites)
        counted = ["failures"] if self.go and element.tag == "testsuites" else ["errors", "failures"]
        figures = any(element.get(name, "").isdigit() and int(element.get(name, "")) for name in counted)
        self.doubt |= figures and not failed
        self.doubt |= any(child.tag in {"failure", "error"} for child in element)
        return failed

    def inside(self, element: ET.Element, around: tuple[str, ...], dialect: list[str], number: int) -> bool:
        failed = False
        for child in element:
            if child.tag in {"testsuite", "testsuites"}:
                failed |= self.suite(child, around, dialect[0])
            elif child.tag == "testcase" and element.tag not in {"properties", "system-out", "system-err"}:
                kinds = {part.tag for part in child if part.tag in RESULTS}
                failed |= not kinds <= {"skipped"}
                parent = " > ".join(filter(None, map(str.strip, around)))
                raw = f"{parent} > {child.get('name', '').strip()}" if parent else child.get("name", "").strip()
                self.case(number, raw, dialect[0], kinds)
            elif child.tag == "property" and child.get("name") == "go.version":
                dialect[0] = "gotestsum"
            else:
                failed |= self.inside(child, around, dialect, number)
        return failed

    def case(self, number: int, raw: str, dialect: str, kinds: set[str]) -> None:
        key = (number, raw)
        row = self.open.get(key)
        if row is not None and dialect != "other" and not (dialect == "gotestsum" and not row.bad):
            self.rows.remove(row)  # its position is that of its last try
            row.tries.append(kinds)
        else:
            row = Row(raw, [kinds])
        self.open[key] = row
        self.rows.append(row)

    def named(self) -> Iterator[tuple[str, Row]]:
        taken: Counter[str] = Counter()
        for row in self.rows:
            taken[row.raw] += 1
            yield row.raw if taken[row.raw] == 1 else f"{row.raw} #{taken[row.raw]}", row


def read(folder: Path, data: bytes) -> tuple[list[Case], Summary]:
    (folder / "junit" / "a.xml").write_bytes(data)
    reports = Reports(folder)
    return [case for batch in reports.final() for case in batch], reports.summary


def parsed(*pieces: bytes) -> tuple[list[Reported], str | None, bool]:
    parser = JUnitParser()
    found: list[Reported] = []
    try:
        for piece in pieces:
            found += [*parser.feed(piece)]
        found += [*parser.close()]
    except BrokenReport:
        return found, parser.doubt, True
    return found, parser.doubt, False


@pytest.mark.parametrize("part", range(PARTS))
def test_generated_reports_become_the_rows_that_the_rules_give(part: int, tmp_path: Path) -> None:
    """Name, status and flakiness of every case, and the doubt of the report."""
    (tmp_path / "junit").mkdir()
    for seed in range(part, REPORTS, PARTS):
        data, encoding = Writer(seed).report()
        oracle = Oracle.of(data, encoding)
        cases, summary = read(tmp_path, data)
        assert summary.broken == (), seed
        found = [(case.name, case.status in BAD, case.flaky) for case in cases]
        assert found == [(name, row.bad, row.flaky) for name, row in oracle.named()], seed
        assert bool(summary.doubts) is oracle.doubt, seed


@pytest.mark.parametrize("part", range(PARTS))
def test_a_generated_report_gives_the_same_cases_in_any_pieces(part: int, tmp_path: Path) -> None:
    """Split anywhere, truncated anywhere, and read while it grows."""
    (tmp_path / "junit").mkdir()
    for seed in range(part, REPORTS, PARTS):
        writer = Writer(seed)
        data, encoding = writer.report()
        whole = parsed(data)
        cuts = sorted({0, len(data), *(writer.chance.randint(0, len(data)) for _ in range(5))})
        assert parsed(*(data[a:b] for a, b in pairwise(cuts))) == whole, seed
        end = writer.chance.randrange(len(data.rstrip()))
        found, _, broken = parsed(data[:end])
        assert broken, seed
        assert found == whole[0][: len(found)], seed
        reports = Reports(tmp_path)
        polled: list[str] = []
        for end in cuts[1:]:
            (tmp_path / "junit" / "a.xml").write_bytes(data[:end])
            polled += [case.name for batch in reports.poll() for case in batch]
        assert len(polled) == len(whole[0]), seed
        if not Oracle.of(
            data, encoding
        ).go:  # in gotestsum's reports, the result before a repeat decides whether it is a try
            assert {*polled} == {case.name for batch in reports.final() for case in batch}, seed


@pytest.mark.parametrize("part", range(PARTS))
def test_merging_generated_reports_hides_no_failure(part: int, tmp_path: Path) -> None:
    """The merged report has the cases of each status and the doubts of both."""
    (tmp_path / "junit").mkdir()
    for seed in range(part, REPORTS, PARTS):
        one, two = (Writer(-1 - seed * 2 - number).root().encode() for number in range(2))
        whole, summary = read(tmp_path, b"<testsuites>%s%s</testsuites>" % (one, two))
        apart = [read(tmp_path, data) for data in (one, two)]
        kinds = Counter((case.status, case.flaky, len(case.tries)) for cases, _ in apart for case in cases)
        assert Counter((case.status, case.flaky, len(case.tries)) for case in whole) == kinds, seed
        if b"go.version" not in one + two:
            assert bool(summary.doubts) is any(found.doubts for _, found in apart), seed
