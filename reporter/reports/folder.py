"""The reports of a suite, `junit/**/*.xml` below the artifacts folder, as batches of cases."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reporter.errors import BrokenReport
from reporter.junit.case import Case
from reporter.junit.masking import masked
from reporter.junit.reading import Reading, Summary
from reporter.reports.tail import READ_BYTES, Tail
from reporter.walk import open_inside, walk
from runtime.masking import Masking
from runtime.text import storable

FOLDER = "junit"
BATCH_CASES = 1000
BATCH_TEXT = 4 * 1024 * 1024
"""Maximum number of characters of error text in one batch, which bounds its memory."""
POLL_BYTES = 16 * 1024 * 1024
"""Maximum number of bytes that one `poll` reads. The next poll reads the rest."""

_NO_REPORT = {None, errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO}
"""Errors that mean: the file vanished, or is no regular file any more."""


class Reports:
    """Reads the reports below one artifacts folder and masks the values of `mask` in the texts of cases.

    Symbolic links are never followed. A file may vanish at any time.
    """

    def __init__(self, artifacts: Path, mask: Masking | None = None) -> None:
        self._artifacts = artifacts
        self._mask = mask or Masking()
        self._tails: dict[str, Tail] = {}
        self._summary: Summary | None = None

    @property
    def summary(self) -> Summary:
        """The summary of the last `final` that was read to its end.

        Raises:
            LookupError: no `final` has been read to its end.
        """
        if self._summary is None:
            raise LookupError("the reports have not been read to their end")
        return self._summary

    def poll(self) -> Iterator[list[Case]]:
        """Yield batches of the cases that were completed since the last poll. It reads at most 16 MiB.

        Names and tries are provisional: later elements may change them. A file that was replaced or became shorter is
        read from its start again.

        Raises:
            OSError: the volume failed.
        """
        return _batches(masked(self._grown(), self._mask))

    def final(self) -> Iterator[list[Case]]:
        """Yield batches of all cases of all reports under final names, in the order of sorted paths.

        Call it when all files are closed. Each call starts from the beginning. After the last batch, `summary` is set.

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
        reading = Reading(os.fspath(self._artifacts), broken, self._mask)
        for path in paths:
            try:
                with self._opened(path) as descriptor:
                    if descriptor is None:
                        continue
                    yield from reading.cases(path, _pieces(descriptor), survey=_pieces(descriptor))
            except BrokenReport as error:
                reading.broken.append((storable(path), str(error)))
            reading.files += 1
        self._summary = reading.summary()

    def _listed(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Return the paths of the reports in order, and the folders that can't be read, each with the reason."""
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
        """Open a report and yield its descriptor, or None if it vanished.

        Raises:
            BrokenReport: the reporter has no permission to read it.
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


def _pieces(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while data := os.pread(descriptor, READ_BYTES, offset):
        offset += len(data)
        yield data


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
