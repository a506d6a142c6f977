"""Reading and writing the records on the shared volume, whole or not at all."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import ClassVar, Protocol, Self, TypeVar

from pydantic import ValidationError

from runtime.errors import InvalidInput, first_problem

POLL_SECONDS = 0.1
"""Watching by inotify would not cross every kind of volume; six small files are cheap to look for."""


class _File(Protocol):
    FILE: ClassVar[str]

    def model_dump_json(self, *, by_alias: bool) -> str: ...

    @classmethod
    def model_validate_json(cls, json_data: str) -> Self: ...


F = TypeVar("F", bound=_File)


def write(folder: Path, record: _File, *, mode: int = 0o644) -> None:
    """Write the record under its file's name: temporary name, fsync, rename, fsync of the folder.

    A reader sees the old file, the new one or none, and never a part. Writing it twice changes nothing.

    Raises:
        OSError: the volume is full, read-only or gone.
    """
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{record.FILE}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)  # mkstemp's 0600 would shut out another user in the other container
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
    """The record that stands in the folder, or None where its file is not there.

    Raises:
        InvalidInput: the file is not a record of this version; names the file, the field and what is allowed.
        OSError: the file is there and can't be read.
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


async def wait_for(folder: Path, kind: type[F], *, timeout: float) -> F:  # noqa: ASYNC109  # callers hand on a setting
    """The record, as soon as it is there.

    Raises:
        TimeoutError: it was not there within `timeout` seconds.
        InvalidInput, OSError: as `read`.
    """
    async with asyncio.timeout(timeout):
        while (record := read(folder, kind)) is None:
            await asyncio.sleep(POLL_SECONDS)
        return record
