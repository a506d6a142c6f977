"""Uploads to moto's server: every file of the folder is uploaded whole, and no file from outside."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from handoff.message import Shard
from reporter.artifact import Artifact
from reporter.errors import BucketOutOfReach, BucketRefused, FileLost
from reporter.fence import Fence
from reporter.files.bucket import PART_BYTES, PARTS_IN_MEMORY, Bucket, bucket, check_bucket
from reporter.files.upload import FILES_AT_ONCE, upload
from runtime.errors import InvalidInput
from tests.support.line import Line

FENCE = Fence("r-1", Shard(index=2, total=4), 3)


@pytest.fixture
def aws_env(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment that the SDK reads in a pod."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)


pytestmark = pytest.mark.usefixtures("aws_env")


@pytest.fixture
async def qa(aws: Any, aws_env: None) -> AsyncIterator[Bucket]:  # noqa: ARG001  # a mark has no effect on fixtures
    """Open this test's bucket as the reporter does."""
    async with bucket(aws.bucket) as qa:
        yield qa


def write(folder: Path, files: dict[str | bytes, bytes]) -> None:
    for name, body in files.items():
        path = os.fsencode(folder) + b"/" + os.fsencode(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  # pathlib knows no bytes
        with open(path, "wb") as file:  # noqa: PTH123  # likewise
            file.write(body)


def objects(aws: Any) -> dict[str, bytes]:
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=aws.bucket)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key: s3.get_object(Bucket=aws.bucket, Key=key)["Body"].read() for key in keys}


async def test_every_file_is_an_object_of_its_size_and_type(aws: Any, qa: Bucket, tmp_path: Path) -> None:
    """Key, size, kind and content type of each object match its row."""
    write(tmp_path, {"junit/junit.xml": b"<x/>", "test-results/a b/trace.zip": b"PK", "ü/☂.png": b"png", "empty": b""})
    done = await upload(qa, tmp_path, FENCE)
    at = f"s3://{aws.bucket}/r-1/2/3"
    assert list(done) == [
        Artifact("empty", f"{at}/empty", "other", 0, "application/octet-stream"),
        Artifact("junit/junit.xml", f"{at}/junit/junit.xml", "junit", 4, "application/xml"),
        Artifact("test-results/a b/trace.zip", f"{at}/test-results/a b/trace.zip", "trace", 2, "application/zip"),
        Artifact("ü/☂.png", f"{at}/ü/☂.png", "screenshot", 3, "image/png"),
    ]
    assert objects(aws) == {
        "r-1/2/3/empty": b"",
        "r-1/2/3/junit/junit.xml": b"<x/>",
        "r-1/2/3/test-results/a b/trace.zip": b"PK",
        "r-1/2/3/ü/☂.png": b"png",
    }
    head = aws.client("s3").head_object(Bucket=aws.bucket, Key="r-1/2/3/ü/☂.png", ChecksumMode="ENABLED")
    assert head["ContentType"] == "image/png"
    assert head["ChecksumCRC32"]


async def test_a_run_id_of_dots_stays_within_the_bucket(aws: Any, qa: Bucket, tmp_path: Path) -> None:
    """`..` is an ordinary run id and leads to no other bucket."""
    write(tmp_path, {"a": b"1"})
    await upload(qa, tmp_path, Fence("..", Shard(index=1, total=1), 1))
    assert objects(aws) == {"../1/1/a": b"1"}


@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
async def test_a_file_of_many_parts_arrives_whole(aws: Any, qa: Bucket, tmp_path: Path, size: int) -> None:
    """The object has exactly the file's bytes, also at the boundaries of parts."""
    body = bytes(os.urandom(1024)) * (size // 1024 + 1)
    write(tmp_path, {"video.webm": body[:size]})
    (done,) = await upload(qa, tmp_path, FENCE)
    assert done.bytes == size
    assert hashlib.sha256(objects(aws)["r-1/2/3/video.webm"]).digest() == hashlib.sha256(body[:size]).digest()


async def test_many_large_and_small_files_share_the_budget(aws: Any, qa: Bucket, tmp_path: Path) -> None:
    """More large files than parts in memory, mixed with small ones, cause no deadlock."""
    large: dict[str | bytes, bytes] = {f"large-{n}": b"x" * (2 * PART_BYTES + n) for n in range(PARTS_IN_MEMORY + 2)}
    small: dict[str | bytes, bytes] = {f"small-{n}": b"y" * n for n in range(3 * FILES_AT_ONCE)}
    write(tmp_path, large | small)
    done = await upload(qa, tmp_path, FENCE)
    assert {one.path: one.bytes for one in done} == {name: len(body) for name, body in (large | small).items()}
    assert {key.removeprefix("r-1/2/3/"): len(body) for key, body in objects(aws).items()} == {
        name: len(body) for name, body in (large | small).items()
    }


async def test_files_with_odd_names_get_keys_of_their_own(aws: Any, qa: Bucket, tmp_path: Path) -> None:
    """A file whose name S3 rejects is uploaded under an escaped name."""
    deep = "/".join("d" * 200 for _ in range(6))
    files: dict[str | bytes, bytes] = {
        b"not \xff utf-8.png": b"1",
        b"not %FF utf-8.png": b"2",
        "line\nbreak": b"3",
        f"{deep}/one.log": b"4",
        f"{deep}/two.log": b"5",
        "plus+per%cent?quest#hash&amp;": b"6",
    }
    write(tmp_path, files)
    done = await upload(qa, tmp_path, FENCE)
    stored = objects(aws)
    assert sorted(stored.values()) == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert {stored[one.s3_uri.removeprefix(f"s3://{aws.bucket}/")] for one in done} == set(stored.values())
    assert max(len(key.encode()) for key in stored) <= 1024
    assert {one.kind for one in done if one.path.endswith(".log")} == {"log"}


async def test_entries_that_are_no_regular_files_are_logged_and_skipped(aws: Any, qa: Bucket, tmp_path: Path) -> None:
    """Symbolic links, sockets and fifos are skipped, each with a reason in the log."""
    secret, folder = tmp_path / "secret", tmp_path / "artifacts"
    write(secret, {"key": b"secret"})
    write(folder, {"real": b"1"})
    (folder / "link").symlink_to(secret / "key")
    (folder / "folder").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as server, capture_logs() as logs:
        server.bind(str(folder / "socket"))
        async with asyncio.timeout(30):
            await upload(qa, folder, FENCE)
    assert objects(aws) == {"r-1/2/3/real": b"1"}
    assert {(line["path"], line["reason"]) for line in logs if line["event"] == "artifact_skipped"} == {
        ("link", "a symbolic link"), ("folder", "a symbolic link"), ("loop", "a symbolic link"),
        ("fifo", "no regular file"), ("socket", "no regular file"),
    }  # fmt: skip


async def test_a_missing_bucket_is_refused_without_a_wait(aws: Any, tmp_path: Path) -> None:
    """The error contains S3's error code."""
    write(tmp_path, {"a": b"1", "video.webm": b"x" * (PART_BYTES + 1)})
    async with bucket(f"{aws.bucket}-not") as qa:
        with pytest.raises(BucketRefused, match="NoSuchBucket"):
            await upload(qa, tmp_path, FENCE)


class BrokenS3:
    """An S3 that begins a multipart upload and then refuses every part. `requests` records each request."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = request.split(" ", 2)
        self.requests.append(f"{method} {target.partition('?')[2].partition('&')[0].partition('=')[0]}")
        good = method == "DELETE" or "uploads" in target
        body = b"<R><UploadId>u</UploadId></R>" if method == "POST" else b""
        status = "200 OK" if good else "400 Bad Request"
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        while await reader.read(1 << 20):
            pass
        writer.close()


async def test_an_upload_is_aborted_after_a_part_was_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other parts are cancelled, the multipart upload is aborted, and the call returns."""
    s3 = BrokenS3()
    server = await asyncio.start_server(s3.serve, "127.0.0.1", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    write(tmp_path, {"video.webm": b"x" * (12 * PART_BYTES)})
    async with server, bucket("qa-broken") as qa, asyncio.timeout(60):
        with pytest.raises(BucketRefused, match=r"r-1/2/3/video\.webm"):
            await upload(qa, tmp_path, FENCE)
    assert s3.requests[0] == "POST uploads"
    assert any(one.startswith("PUT ") for one in s3.requests)
    assert s3.requests[-1].startswith("DELETE ")


async def test_requests_to_an_s3_out_of_reach_are_repeated_until_the_patience_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the key."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    write(tmp_path, {"a": b"1"})
    with capture_logs() as logs:
        async with bucket("qa-away", patience=0.5) as qa, asyncio.timeout(30):
            with pytest.raises(BucketOutOfReach, match="the bucket is out of reach for r-1/2/3/a"):
                await upload(qa, tmp_path, FENCE)
    assert {(line["event"], line["key"]) for line in logs} == {("bucket_retry", "r-1/2/3/a")}


@pytest.mark.parametrize("size", [1, PART_BYTES + 1])
async def test_an_upload_continues_when_s3_is_back(aws: Any, tmp_path: Path, size: int) -> None:
    """A small and a large file are uploaded whole. The large one keeps its multipart upload."""
    endpoint = urlsplit(aws.endpoint)
    line = Line(lambda: socket.create_connection((endpoint.hostname, endpoint.port)))
    write(tmp_path, {"video.webm": b"x" * size})
    with pytest.MonkeyPatch.context() as env, capture_logs() as logs:
        env.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.port}")
        async with bucket(aws.bucket, patience=60) as qa, asyncio.timeout(30):
            line.cut()
            uploading = asyncio.create_task(upload(qa, tmp_path, FENCE))
            while len(logs) < 3:
                await asyncio.sleep(0.01)
            line.mend()
            (done,) = await uploading
    line.cut()
    assert done.bytes == size
    assert {key: len(body) for key, body in objects(aws).items()} == {"r-1/2/3/video.webm": size}


class ReadOnlyS3:
    """An S3 that answers HEAD with 200 and every other request with AccessDenied. `writes` counts the others."""

    def __init__(self) -> None:
        self.writes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).startswith(b"HEAD ")
        self.writes += not head
        body = b"" if head else b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        status = b"200 OK" if head else b"403 Forbidden"
        length = str(len(body)).encode()
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: " + length + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def read_only_s3(monkeypatch: pytest.MonkeyPatch, aws_env: None) -> AsyncIterator[ReadOnlyS3]:  # noqa: ARG001  # it sets the environment first
    """Start an S3 that denies every write."""
    s3 = ReadOnlyS3()
    server = await asyncio.start_server(s3.serve, "127.0.0.1", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield s3


async def test_a_denied_upload_fails_at_once(read_only_s3: ReadOnlyS3, tmp_path: Path) -> None:
    """A refused request is not repeated, however long the patience is."""
    write(tmp_path, {"a": b"1"})
    async with bucket("qa-denied", patience=600) as qa, asyncio.timeout(30):
        with pytest.raises(BucketRefused, match="AccessDenied"):
            await upload(qa, tmp_path, FENCE)
    assert read_only_s3.writes == 1


@pytest.mark.usefixtures("read_only_s3")
async def test_the_check_refuses_a_bucket_without_write_permission() -> None:
    """The error names the setting."""
    with pytest.raises(InvalidInput, match="REPORTER_BUCKET: must be a bucket that this role may upload to: qa-denied"):
        await check_bucket("qa-denied")


async def test_the_check_leaves_nothing_in_the_bucket(aws: Any) -> None:
    """The bucket has neither an object nor an incomplete upload."""
    await check_bucket(aws.bucket)
    assert objects(aws) == {}
    assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=aws.bucket)


class FailingDisk(Bucket):
    """A bucket for which reading the file fails."""

    async def upload(self, descriptor: int, key: str, content_type: str, **_: Any) -> int:
        raise OSError(5, f"Input/output error of {descriptor} for {key} ({content_type})")


async def test_a_file_that_cannot_be_read_to_its_end_is_an_error(tmp_path: Path) -> None:
    """The upload fails with the name of the file."""
    write(tmp_path, {"a": b"1"})
    with pytest.raises(FileLost, match="artifact a could not be read: Input/output error"):
        await upload(FailingDisk(None, "qa"), tmp_path, FENCE)
