"""The S3 bucket: uploads in bounded memory, and repeats a request that failed for a passing reason."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import structlog
import tenacity

from reporter.aws import AwsError, client, is_final, refusal
from reporter.errors import BucketOutOfReach, BucketRefused
from runtime.text import one_line

PART_BYTES = 8 * 1024 * 1024
"""A file of up to 80 GB fits into S3's 10,000 parts of this size."""
PARTS_IN_MEMORY = 4
"""Limit over all files. It bounds the memory of uploads: 32 MiB, and what the SDK adds to a part in flight."""

ABORT_SECONDS = 10
CHECK_KEY = ".testfleet/check"
"""Key of the multipart upload that the check begins and aborts. No object gets this key."""

_CHECKSUM = "CRC32"  # S3 compares it; the cheapest to compute on the event loop

_log = structlog.get_logger()


class Bucket:
    """One S3 bucket. The parts of all files share one budget of memory.

    `patience` is the time in seconds for which a failed request is repeated; 0 means one try.
    """

    def __init__(self, client: Any, name: str, *, patience: float = 0) -> None:
        self._client = client
        self._name = name
        self._patience = patience
        self._budget = asyncio.Semaphore(PARTS_IN_MEMORY)

    def uri(self, key: str) -> str:
        """Return the `s3://` address of a key."""
        return f"s3://{self._name}/{key}"

    async def upload(
        self, descriptor: int, key: str, content_type: str, *, progress: Callable[[], None] = lambda: None
    ) -> int:
        """Upload the open file from its start and return the object's size in bytes, which S3 has checked.

        `progress` is called after each uploaded part, and after the object is complete.

        Raises:
            BucketOutOfReach: a request failed for a passing reason until the patience ended.
            BucketRefused: S3 refused the upload.
            OSError: the file could not be read.
        """
        try:
            async with self._budget:
                head = await _read(descriptor, 0)
                if len(head) < PART_BYTES:
                    await self._request(
                        self._client.put_object,
                        Bucket=self._name,
                        Key=key,
                        Body=head,
                        ContentType=content_type,
                        ChecksumAlgorithm=_CHECKSUM,
                    )
                    progress()
                    return len(head)
                del head  # the first part is read again below, within the budget
            return await self._upload_parts(descriptor, key, content_type, progress)
        except (*AwsError, ExceptionGroup) as error:
            cause = _first(error)
            if isinstance(cause, AwsError):
                raise _translate(cause, key) from error
            raise cause from error

    async def _request(self, operation: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_is_passing),
            stop=tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=partial(_log_retry, arguments["Key"]),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                answer = await operation(**arguments)
        return answer

    async def _upload_parts(self, descriptor: int, key: str, content_type: str, progress: Callable[[], None]) -> int:
        place = {"Bucket": self._name, "Key": key}
        begun = await self._request(
            self._client.create_multipart_upload, **place, ContentType=content_type, ChecksumAlgorithm=_CHECKSUM
        )
        place["UploadId"] = begun["UploadId"]
        try:
            sent, size = await self._send(descriptor, place, progress)
            parts = [{"PartNumber": number, **part} for number, part in sorted(sent.items())]
            complete = self._client.complete_multipart_upload
            await self._request(complete, **place, MultipartUpload={"Parts": parts}, MpuObjectSize=size)
            progress()
        except BaseException:
            # Parts of an incomplete upload are invisible and cost money.
            # If the abort fails, the bucket's lifecycle rule removes them.
            with suppress(*AwsError, TimeoutError):
                async with asyncio.timeout(ABORT_SECONDS):
                    await self._client.abort_multipart_upload(**place)
            raise
        return size

    async def _send(
        self, descriptor: int, place: dict[str, str], progress: Callable[[], None]
    ) -> tuple[dict[int, dict[str, str]], int]:
        sent: dict[int, dict[str, str]] = {}
        size = 0

        async def send(number: int, body: bytes) -> None:
            answer = await self._request(
                self._client.upload_part, **place, PartNumber=number, Body=body, ChecksumAlgorithm=_CHECKSUM
            )
            progress()
            sent[number] = {name: answer[name] for name in ("ETag", f"Checksum{_CHECKSUM}") if name in answer}

        async with asyncio.TaskGroup() as group:
            number = 0
            while True:
                await self._budget.acquire()
                try:
                    body = await _read(descriptor, size)
                except BaseException:
                    self._budget.release()
                    raise
                if not body:
                    self._budget.release()
                    break
                number += 1
                size += len(body)
                task = group.create_task(send(number, body))
                task.add_done_callback(
                    lambda _: self._budget.release()
                )  # also if the task is cancelled before it starts
                del body  # only the task of the part still refers to it
        return sent, size


async def _read(descriptor: int, offset: int) -> bytes:
    """Return the part that begins at the offset. Only the last part of a file is shorter than `PART_BYTES`."""
    return await asyncio.to_thread(_read_part, descriptor, offset)


def _read_part(descriptor: int, offset: int) -> bytes:
    body = os.pread(descriptor, PART_BYTES, offset)
    while 0 < len(body) < PART_BYTES and (more := os.pread(descriptor, PART_BYTES - len(body), offset + len(body))):
        body += more
    return body


@asynccontextmanager
async def bucket(name: str, *, patience: float = 0) -> AsyncIterator[Bucket]:
    """Open the bucket with the SDK's own chain of region, endpoint and credentials. `patience` is in seconds."""
    async with client("s3", retries=False) as s3:
        yield Bucket(s3, name, patience=patience)


async def check_bucket(name: str) -> None:
    """Check that the bucket exists and that this role may upload to it. The bucket gets no object.

    S3 requires the same permission to begin a multipart upload as to put an object.

    Raises:
        InvalidInput: the bucket is missing, in another region, or permits no upload. The error names the setting.
        BucketOutOfReach: S3 did not answer, not even after the SDK's retries.
    """
    allowed = f"must be a bucket that exists for this role: {name}"
    place = {"Bucket": name, "Key": CHECK_KEY}
    try:
        async with client("s3") as s3:
            await s3.head_bucket(Bucket=name)
            allowed = f"must be a bucket that this role may upload to: {name}"
            begun = await s3.create_multipart_upload(**place)
            await s3.abort_multipart_upload(**place, UploadId=begun["UploadId"])
    except AwsError as error:
        problem = _translate(error, name)
        if isinstance(problem, BucketOutOfReach):
            raise problem from error
        raise refusal(error, "REPORTER_BUCKET", allowed) from error


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _translate(error: Exception, key: str) -> BucketOutOfReach | BucketRefused:
    if is_final(error):
        return BucketRefused(f"the bucket refused {key}: {one_line(error)}")
    return BucketOutOfReach(f"the bucket is out of reach for {key}: {one_line(error)}")


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, AwsError) and not is_final(error)


def _log_retry(key: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("bucket_retry", key=key, detail=str(error), tries=state.attempt_number)
