"""Write and read the records on the shared volume. A reader never sees part of a file."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import ClassVar, Protocol, Self, TypeVar

from pydantic import ValidationError

from runtime.errors import InvalidInput, first_problem

POLL_SECONDS = 0.1
"""Seconds between two checks for a file. inotify does not work on every kind of volume."""


class _File(Protocol):
    FILE: ClassVar[str]

    def model_dump_json(self, *, by_alias: bool) -> str: ...

    @classmethod
    def model_validate_json(cls, json_data: str) -> Self: ...


F = TypeVar("F", bound=_File)


def write(folder: Path, record: _File, *, mode: int = 0o644) -> None:
    """Write the record to its file: temporary name, fsync, rename, fsync of the folder.

    A second write of the same record changes nothing.

    Raises:
        OSError: the volume is full, read-only or missing.
    """
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{record.FILE}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)  # mkstemp's 0600 would exclude another user in the other container
            file.write(record.model_dump_json(by_alias=True))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / record.FILE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder_descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(folder_descriptor)
    finally:
        os.close(folder_descriptor)


def read(folder: Path, kind: type[F]) -> F | None:
    """Return the record of the folder, or None if its file does not exist.

    Raises:
        InvalidInput: the file is no record of this version. The error names file, field and what is allowed.
        OSError: the file exists and can't be read.
    """
    try:
        text = (folder / kind.FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise InvalidInput(kind.FILE, "must be UTF-8") from error
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise first_problem(error, prefix=kind.FILE) from error


async def wait_for(folder: Path, kind: type[F], *, timeout: float) -> F:  # noqa: ASYNC109  # callers pass a setting
    """Wait for the record's file and return the record.

    Raises:
        TimeoutError: the file did not appear within `timeout` seconds.
        InvalidInput, OSError: as `read`.
    """
    async with asyncio.timeout(timeout):
        while (record := read(folder, kind)) is None:
            await asyncio.sleep(POLL_SECONDS)
        return record
