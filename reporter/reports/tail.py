"""One report that grows while it is read."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from reporter.errors import BrokenReport
from reporter.junit.case import Case
from reporter.junit.names import Namer, identity
from reporter.junit.parser import JUnitParser, Reported
from reporter.junit.testsuite import Dialect

READ_BYTES = 64 * 1024


@dataclass(slots=True)
class Tail:
    """How far a file has been read; `parser` is None once it has nothing more to say."""

    inode: tuple[int, int]
    offset: int = 0
    parser: JUnitParser | None = field(default_factory=JUnitParser)
    namer: Namer = field(default_factory=Namer)
    tried: dict[int, str | None] = field(default_factory=dict)
    """Names of cases that may be tried again, by suite and own name; None where the two names are the same."""

    @classmethod
    def of(cls, descriptor: int, before: Self | None) -> Self:
        """The tail to go on with: a new one where the file was replaced, or is shorter than what was read of it."""
        status = os.fstat(descriptor)
        inode = (status.st_dev, status.st_ino)
        if before is None or before.inode != inode or status.st_size < before.offset:
            return cls(inode)
        return before

    def read(self, descriptor: int, limit: int) -> Iterator[Case]:
        """The cases that the next at most `limit` bytes complete, under provisional names.

        A broken report just ends here; the final reading reports it.
        """
        stop = self.offset + limit
        while (parser := self.parser) and (
            data := os.pread(descriptor, min(READ_BYTES, stop - self.offset), self.offset)
        ):
            self.offset += len(data)
            try:
                for element in parser.feed(data):
                    yield replace(element.case, name=self._name(element))
            except BrokenReport:
                self._finish()
            if parser.closed:
                self._finish()

    def _name(self, element: Reported) -> str:
        """A further try of a case gets the case's name, as it replaces what was known of it."""
        raw = element.case.name
        if element.dialect is Dialect.OTHER:
            return self.namer.name(raw)
        key = identity(raw, element.case.file, str(element.suite))
        if key not in self.tried:
            name = self.namer.name(raw)
            self.tried[key] = name if name != raw else None
        return self.tried[key] or raw

    def _finish(self) -> None:
        self.parser = None
        self.namer = Namer()
        self.tried = {}
