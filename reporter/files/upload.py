"""Uploads every file of the artifacts folder, several at once."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from reporter.artifact import Artifact
from reporter.errors import FileLost
from reporter.fence import Fence
from reporter.files.bucket import Bucket
from reporter.files.s3_object import content_type, key, kind
from reporter.walk import open_inside, walk

FILES_AT_ONCE = 8
"""Small files wait for responses and not for bandwidth. The bucket limits the memory of large files."""

_log = structlog.get_logger()


async def upload(
    bucket: Bucket, folder: Path, fence: Fence, *, progress: Callable[[], None] = lambda: None
) -> tuple[Artifact, ...]:
    """Upload every regular file below the folder and log every other entry with the reason why it is skipped.

    `progress` is called after each uploaded part and file. A second call replaces each object by the same bytes.

    Raises:
        BucketOutOfReach, BucketRefused: as `Bucket.upload`.
        FileLost: a file disappeared, or reading it failed.
    """
    entries = iter(await asyncio.to_thread(lambda: list(walk(folder))))
    artifacts: list[Artifact] = []

    async def worker() -> None:
        for entry in entries:
            if entry.skipped:
                _log.warning("artifact_skipped", path=_readable(entry.path), reason=entry.skipped)
            else:
                artifacts.append(await _upload_file(bucket, folder, entry.path, fence, progress))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(FILES_AT_ONCE):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return tuple(sorted(artifacts, key=lambda artifact: artifact.s3_uri))


async def _upload_file(bucket: Bucket, folder: Path, path: str, fence: Fence, progress: Callable[[], None]) -> Artifact:
    name, media = key(fence, path), content_type(path)
    try:
        descriptor = await asyncio.to_thread(open_inside, folder, path)
        try:
            size = await bucket.upload(descriptor, name, media, progress=progress)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileLost(f"artifact {_readable(path)} could not be read: {error.strerror or error}") from error
    return Artifact(path, bucket.uri(name), kind(path), size, media)


def _readable(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
