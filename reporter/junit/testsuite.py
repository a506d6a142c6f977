"""An open `<testsuite>` element: its figures, and whether one of its cases failed."""

from dataclasses import dataclass
from enum import Enum
from typing import Self

from reporter.junit.element import Element
from reporter.junit.testcase import EnclosingSuites
from reporter.junit.times import instant, number

SUITES = {"testsuites", "testsuite"}
BAD = {"failure", "error"}


class Dialect(Enum):
    """The tool that wrote the report. It determines the meaning of a repeated name."""

    PYTEST = "pytest"
    """Names are unique in a suite, so a repeat is a further try. Before a repeat, a failed try looks passed."""
    GOTESTSUM = "gotestsum"
    """A repeat after a failure is a further try (`--rerun-fails`)."""
    OTHER = "other"
    """A repeat is another case."""


@dataclass(slots=True)
class OpenSuite:
    """A `<testsuite>` or `<testsuites>` element."""

    element: Element
    depth: int
    """Number of open elements, including this one."""
    number: int
    """Number of the suite within the report, in the order of the opening tags."""
    enclosing: EnclosingSuites
    dialect: Dialect
    failed: bool = False
    """Whether a case in it failed, in any try."""

    @classmethod
    def within(cls, outer: Self | None, element: Element, *, depth: int, number: int) -> Self:
        """Return the suite that this element opens within `outer`, or as the root."""
        enclosing, dialect = (outer.enclosing, outer.dialect) if outer else (EnclosingSuites(), Dialect.OTHER)
        name = element.get("name") or ""
        pytest = (element.tag, name) in {("testsuites", "pytest tests"), ("testsuite", "pytest")}
        return cls(
            element,
            depth,
            number,
            EnclosingSuites(
                # The name of the root belongs to the whole report and not to a case.
                names=(*enclosing.names, name) if element.tag == "testsuite" else enclosing.names,
                file=element.get("file") or enclosing.file,
                started_at=instant(element.get("timestamp")) or enclosing.started_at,
            ),
            Dialect.PYTEST if pytest else dialect,
        )

    def hidden_failures(self, *, gotestsum: bool) -> str | None:
        """Return the non-zero figures of errors and failures of a closed suite in which no case failed.

        Only zero and non-zero count: tools count tries, soft assertions and subtests in different ways.
        """
        if self.failed:
            return None
        # gotestsum counts lines of standard error as errors of the root, which a green run may have.
        counted = ("failures",) if gotestsum and self.element.tag == "testsuites" else ("errors", "failures")
        figures = [f'{name}="{value}"' for name in counted if number(value := self.element.get(name))]
        return f"{self} has {' '.join(figures)}" if figures else None

    def own_failure(self, tag: str, message: str) -> str:
        """Return a line about an error or a failure of the suite itself, outside of its cases."""
        text = " ".join(message.split())
        return f"{self} has {'an' if tag == 'error' else 'a'} <{tag}> of its own{': ' if text else ''}{text}"

    def __str__(self) -> str:
        return f'<{self.element.tag} name="{self.element.get("name") or ""}">'
