"""One report that grows while it is read."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from reporter.cases import Case
from reporter.junit import BrokenReport, Dialect, JUnitParser
from reporter.naming import Namer, bounded

READ_BYTES = 64 * 1024


@dataclass(slots=True)
class Tail:
    """How far a file has been read; `parser` is None once it has nothing more to say."""

    inode: tuple[int, int]
    offset: int = 0
    parser: JUnitParser | None = field(default_factory=JUnitParser)
    namer: Namer = field(default_factory=Namer)

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

        A broken report just ends here; whoever reads it once more at the end will say so.
        """
        stop = self.offset + limit
        while (parser := self.parser) and (
            data := os.pread(descriptor, min(READ_BYTES, stop - self.offset), self.offset)
        ):
            self.offset += len(data)
            try:
                for element in parser.feed(data):
                    raw = element.case.name
                    # A further try of a case takes its name over: what was told of it before is out of date.
                    name = self.namer.name(raw) if element.dialect is Dialect.OTHER else bounded(raw)
                    yield replace(element.case, name=name)
            except BrokenReport:
                self._finish()
            if parser.closed:
                self._finish()

    def _finish(self) -> None:
        self.parser = None
        self.namer = Namer()
