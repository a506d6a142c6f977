"""Every file of the artifacts folder into the bucket, several at a time."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from reporter.artifact import Artifact
from reporter.errors import FileLost
from reporter.fence import Fence
from reporter.files.bucket import Bucket
from reporter.files.s3_object import content_type, key, kind
from reporter.walk import Found, open_inside, walk

FILES_AT_ONCE = 8
"""Small files wait for answers, not for bandwidth; the memory of large ones is the bucket's own limit."""

_log = structlog.get_logger()


async def upload(
    bucket: Bucket, folder: Path, fence: Fence, *, progress: Callable[[], None] = lambda: None
) -> tuple[Artifact, ...]:
    """Upload every regular file below the folder; what can't be uploaded is logged with the reason.

    `progress` is called after each part and each file that S3 has.

    Doing so again replaces each object by the same bytes.

    Raises:
        BucketOutOfReach, BucketRefused: as `Bucket.upload`.
        FileLost: a file went away or broke off while it was read.
    """
    found = iter(await asyncio.to_thread(lambda: list(walk(folder))))
    done: list[Artifact] = []
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(FILES_AT_ONCE):
                group.create_task(_work(bucket, folder, fence, found, done, progress))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return tuple(sorted(done, key=lambda artifact: artifact.s3_uri))


async def _work(  # noqa: PLR0917
    bucket: Bucket,
    folder: Path,
    fence: Fence,
    found: Iterator[Found],
    done: list[Artifact],
    progress: Callable[[], None],
) -> None:
    for one in found:
        if one.skipped:
            _log.warning("artifact_skipped", path=_readable(one.path), reason=one.skipped)
            continue
        name, media = key(fence, one.path), content_type(one.path)
        try:
            descriptor = await asyncio.to_thread(open_inside, folder, one.path)
            try:
                size = await bucket.upload(descriptor, name, media, progress=progress)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise FileLost(f"artifact {_readable(one.path)} could not be read: {error.strerror or error}") from error
        done.append(Artifact(one.path, bucket.uri(name), kind(one.path), size, media))


def _readable(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
