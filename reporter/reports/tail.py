"""The incremental reading of one report that still grows."""

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
    """The read part of a file. `parser` is None once the report is complete or broken."""

    inode: tuple[int, int]
    offset: int = 0
    parser: JUnitParser | None = field(default_factory=JUnitParser)
    namer: Namer = field(default_factory=Namer)
    tried: dict[int, str | None] = field(default_factory=dict)
    """Provisional names of cases that may have further tries, by suite and name; None if it is the name itself."""

    @classmethod
    def of(cls, descriptor: int, before: Self | None) -> Self:
        """Return `before`, or a new tail if the file was replaced or is shorter than its read part."""
        status = os.fstat(descriptor)
        inode = (status.st_dev, status.st_ino)
        if before is None or before.inode != inode or status.st_size < before.offset:
            return cls(inode)
        return before

    def read(self, descriptor: int, limit: int) -> Iterator[Case]:
        """Yield the cases that the next `limit` bytes complete, under provisional names.

        A broken report ends the tail. The final reading reports it.
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
        """Return the provisional name. A further try gets the name of its case, because it replaces the case's row."""
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
