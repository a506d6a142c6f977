"""Lists and opens the files of the artifacts folder without following symbolic links."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """An entry below the folder. `path` is relative. Undecodable bytes are Python's surrogates.

    `skipped` is the reason why the entry is ignored, or None for a readable regular file.
    """

    path: str
    size: int = 0
    skipped: str | None = None


def walk(folder: Path) -> Iterator[Found]:
    """Yield every entry below the folder except subfolders, sorted by name within each folder.

    A subfolder that can't be listed is an entry, too. Only one folder is open at a time, at any depth.

    Raises:
        OSError: the folder itself does not exist, can't be listed, or is a symbolic link.
    """
    pending = [""]
    while pending:
        place = pending.pop()
        try:
            entries, folders = _list(folder, place)
        except OSError as error:
            if not place:
                raise
            yield Found(place, skipped=error.strerror or "not readable")
            continue
        yield from entries
        pending.extend(reversed(folders))


def _list(root: Path, place: str) -> tuple[list[Found], list[str]]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | (0 if place else os.O_NOFOLLOW))
    for part in filter(None, place.split("/")):
        descriptor = _step(descriptor, part, os.O_DIRECTORY)
    try:
        with os.scandir(descriptor) as scan:
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan)
        head = f"{place}/" if place else ""
        entries = [_classified(head + name, name, descriptor) for name, is_folder in found if not is_folder]
        return entries, [head + name for name, is_folder in found if is_folder]
    finally:
        os.close(descriptor)


def open_inside(folder: Path, path: str) -> int:
    """Open the regular file at `path` below the folder and return its descriptor.

    Raises:
        OSError: the file vanished, a part of the path is a symbolic link, or it is no regular file.
    """
    *folders, name = path.split("/")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for part in folders:
        descriptor = _step(descriptor, part, os.O_DIRECTORY)
    descriptor = _step(descriptor, name, os.O_NONBLOCK)  # opening a fifo would block
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file any more")
    return descriptor


def _step(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    finally:
        os.close(folder)


def _classified(path: str, name: str, descriptor: int) -> Found:
    try:
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError as error:
        return Found(path, skipped=error.strerror or "not readable")
    if stat.S_ISLNK(status.st_mode):
        return Found(path, skipped="a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        return Found(path, skipped="no regular file")
    if not os.access(name, os.R_OK, dir_fd=descriptor):
        return Found(path, skipped="not readable")
    return Found(path, size=status.st_size)
